"""Where bytes lie: a URI with what is needed to read it. Pure; nothing here opens a URI."""

from typing import Annotated

from pydantic import Field

from trifocal.api.schema import ApiModel, DnsSubdomain, Sha256


class LocalObjectReference(ApiModel):
    """The name of an object in the ModelDeployment's own namespace."""

    name: DnsSubdomain = Field(description="Name of an object in this namespace.")


class Location(ApiModel):
    """A place to read bytes from; the credentials are the tenant's own."""

    uri: Annotated[str, Field(pattern=r"^(file|https?|s3)://[^\s]+$", max_length=2048)] = Field(
        description=(
            "file:///path (a path inside the volume named by claimName), http(s)://host/path, "
            "or s3://bucket/key."
        )
    )
    claim_name: DnsSubdomain | None = Field(
        default=None,
        description="PersistentVolumeClaim that a file:// uri lies on. Only with file://.",
    )
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2048)] | None = Field(
        default=None,
        description="URL of an S3-compatible server; unset means Amazon S3. Only with s3://.",
    )
    secret_ref: LocalObjectReference | None = Field(
        default=None,
        description=(
            "Secret with the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "(optionally AWS_SESSION_TOKEN and AWS_REGION) for s3://, AUTHORIZATION (the whole "
            "header value) for http(s)://."
        ),
    )


class VerifiedLocation(Location):
    """A location of one file whose content is pinned by a digest."""

    digest: Sha256 = Field(
        description=(
            "sha256:<hex> of the file. The bytes are refused if they do not match, and the "
            "digest is what a new optimization is keyed by."
        )
    )
