"""An artifact's manifest and its content address. Pure.

The address is the sha256 of the manifest's bytes, and the manifest lists every file with its
sha256: whoever knows the address can verify every byte without trusting the store.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from trifocal.api.condition import Reason
from trifocal.api.names import canonical_sha256
from trifocal.api.schema import ApiModel, Sha256
from trifocal.artifacts.failure import RefusedError

MANIFEST = "manifest.json"
MODEL = "model.onnx"
MAX_MANIFEST_BYTES = 1 << 20
"""Bytes of a manifest: three orders of magnitude above what Trifocal writes."""


def _relative(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"'{path}' is not a plain relative path")
    return path


RelativePath = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_relative)]


class FileEntry(ApiModel):
    """One file of an artifact."""

    path: RelativePath
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Manifest(ApiModel):
    """Everything that an artifact consists of."""

    schema_version: Literal["trifocal.dev/artifact/v1"] = "trifocal.dev/artifact/v1"
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1, max_length=1000)]
    metadata: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct_paths(self) -> Self:
        paths = [entry.path for entry in self.files]
        if len(set(paths)) != len(paths) or MANIFEST in paths:
            raise ValueError("paths must be distinct, and none may be manifest.json")
        return self

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8."""
        return json.dumps(
            self._canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    @property
    def digest(self) -> str:
        """sha256:<hex> of `to_bytes()`: the artifact's address."""
        return f"sha256:{canonical_sha256(self._canonical())}"

    def _canonical(self) -> dict[str, Any]:
        body: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        body["files"].sort(key=lambda entry: entry["path"])
        return body


def parse_manifest(content: bytes, wanted: str) -> Manifest:
    """Manifest in these bytes, if it is the wanted one.

    Raises:
        RefusedError: ArtifactUnreadable, when it is another, damaged or malformed.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise RefusedError(
            Reason.ARTIFACT_UNREADABLE,
            f"The manifest of artifact {wanted} is malformed "
            f"({error.errors()[0]['msg']}); delete the artifact's folder, and it is made again.",
        ) from error
    if manifest.digest != wanted:
        raise RefusedError(
            Reason.ARTIFACT_UNREADABLE,
            f"The manifest of artifact {wanted} has the digest {manifest.digest}: the store's "
            f"content was changed. Delete the artifact's folder, and it is made again.",
        )
    return manifest
