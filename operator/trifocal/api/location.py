"""Where bytes lie: a URI with what is needed to read it. Pure; nothing here opens a URI."""

import re
from typing import Annotated, ClassVar

from pydantic import Field

from trifocal.api.rule import Rule, pattern_rule
from trifocal.api.schema import ApiModel, DnsSubdomain, Sha256

_PARENT_SEGMENT = r"/(\.|%2[eE]){2}(/|$)"
"""A `..` between slashes; also percent-encoded, because paths are decoded once."""
_USER = "^[a-z0-9]+://[^/]*@"

Uri = Annotated[
    str,
    Field(max_length=2048),
    pattern_rule(
        r"(file:///|https?://[^/?#\s]|s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/|$))\S*",
        "must be file:///path, https://host/path or s3://bucket/key, without spaces.",
    ),
    Rule(
        cel=f"!self.matches(r'{_PARENT_SEGMENT}')",
        holds=lambda uri: re.search(_PARENT_SEGMENT, uri) is None,
        says="must not climb out of a folder with '..'; write the path that is meant.",
    ),
    Rule(
        cel=f"!self.matches(r'{_USER}')",
        holds=lambda uri: re.search(_USER, uri) is None,
        says="must not hold a user or a password, which anyone who reads this object could see; "
        "put them in a Secret and name it in secretRef.",
    ),
]
"""Where bytes lie."""


Endpoint = Annotated[
    str,
    Field(max_length=2048),
    pattern_rule(
        r"https?://[^/@?#\s]+(/[^@?#\s]*)?",
        "must be the URL of an S3-compatible server, such as https://minio.storage.svc:9000.",
    ),
]
"""URL of an S3-compatible server."""


class LocalObjectReference(ApiModel):
    """The name of an object in the ModelDeployment's own namespace."""

    name: DnsSubdomain = Field(description="Name of an object in this namespace.")


class Location(ApiModel):
    """A place to read bytes from; the credentials are the tenant's own."""

    uri: Uri = Field(
        description=(
            "file:///path (a path inside the volume named by claimName), http(s)://host/path, "
            "or s3://bucket/key."
        )
    )
    claim_name: DnsSubdomain | None = Field(
        default=None,
        description="PersistentVolumeClaim that a file:// uri lies on. Only with file://.",
    )
    endpoint: Endpoint | None = Field(
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

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!self.uri.startsWith('file://') || has(self.claimName)",
            holds=lambda it: not it.uri.startswith("file://") or it.claim_name is not None,
            says="A file:// uri lies on a volume; name its PersistentVolumeClaim.",
            at=".claimName",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="self.uri.startsWith('file://') || !has(self.claimName)",
            holds=lambda it: it.uri.startswith("file://") or it.claim_name is None,
            says="claimName is only for a file:// uri; remove it, or write file:///path.",
            at=".claimName",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="self.uri.startsWith('s3://') || !has(self.endpoint)",
            holds=lambda it: it.uri.startswith("s3://") or it.endpoint is None,
            says="endpoint is only for an s3:// uri; remove it, or write s3://bucket/key.",
            at=".endpoint",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="!self.uri.startsWith('file://') || !has(self.secretRef)",
            holds=lambda it: not it.uri.startswith("file://") or it.secret_ref is None,
            says="A file:// uri needs no credentials; remove secretRef.",
            at=".secretRef",
            reason="FieldValueForbidden",
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

    rules: ClassVar[tuple[Rule, ...]] = (
        *Location.rules,
        Rule(
            cel=r"!self.uri.matches(r'(/|^s3://[^/]*)$')",
            holds=lambda it: re.search("(/|^s3://[^/]*)$", it.uri) is None,
            says="'{uri}' is a folder, and a digest belongs to one file; add the file's name.",
            at=".uri",
        ),
    )
