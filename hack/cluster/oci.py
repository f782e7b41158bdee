"""Packs OCI images as tar archives that containerd imports."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def pack_program(program: Path, name: str, target: Path) -> None:
    """An image that holds one static program and runs it."""
    layer = _layer(program)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
    )
    with tarfile.open(target, "w") as archive:
        for blob in (layer, config):
            _add_blob(archive, blob)
        add_image(archive, name, _MANIFEST, manifest)


def add_image(archive: tarfile.TarFile, name: str, media_type: str, manifest: bytes) -> None:
    """The manifest and the two files that make the tar an OCI layout with one named image."""
    _add_blob(archive, manifest)
    _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    named = {
        **_descriptor(media_type, manifest),
        "annotations": {"io.containerd.image.name": name},
    }
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]}
    _add(archive, "index.json", _json(index))


def _add_blob(archive: tarfile.TarFile, blob: bytes) -> None:
    _add(archive, f"blobs/{_digest(blob).replace(':', '/')}", blob)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        _add(layer, program.name, program.read_bytes(), 0o755)
    return buffer.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True).encode()
