"""The serving pod's init container: an artifact verified, and laid out as Triton wants it.

<models>/<name>/config.pbtxt     from the mounted configuration
<models>/<name>/1/model.onnx     from the store
<models>/<name>/1/model.py       from the mounted configuration, if it holds one
"""

import hashlib
import shutil
from pathlib import Path

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.filesystem import explained
from trifocal.artifacts.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    parse_manifest,
)
from trifocal.artifacts.place import Place
from trifocal.artifacts.publication import artifact_path
from trifocal.artifacts.store import CHUNK_BYTES, Store

VERSION = "1"
"""Triton's version folder: a revision is never reloaded, so there is only one."""
CONFIG = "config.pbtxt"
PYTHON_MODEL = "model.py"


def fetch_artifact(store: Store, digest: str, target: Path) -> Manifest:
    """Copy an artifact's files into a folder; every byte is verified against the digest.

    Raises:
        WorkError: ArtifactUnreadable, DiskFull, or why the store cannot be read.
    """
    content = store.read(artifact_path(digest, MANIFEST), MAX_MANIFEST_BYTES)
    if content is None:
        raise RefusedError(
            Reason.ARTIFACT_UNREADABLE,
            f"The artifact {digest} is not in the store; it was deleted. Change the spec, or "
            f"delete the optimization's result ConfigMap, and it is made again.",
        )
    manifest = parse_manifest(content, digest)
    for entry in manifest.files:
        _fetch_file(store, digest, entry, target)
    return manifest


def lay_out(name: str, config: Path, models: Path) -> Path:
    """Make Triton's model folder from the mounted configuration; returns its version folder.

    Raises:
        RefusedError: ArtifactUnreadable, when the configuration holds no config.pbtxt; DiskFull.
    """
    folder = models / name
    version = folder / VERSION
    with explained(Place(uri=models.absolute().as_uri()), Reason.ARTIFACT_UNREADABLE):
        version.mkdir(parents=True, exist_ok=True)
        if not (config / CONFIG).is_file():
            raise RefusedError(
                Reason.ARTIFACT_UNREADABLE,
                f"{config} holds no {CONFIG}; mount the revision's ConfigMap there.",
            )
        # Contents only: a mounted ConfigMap's files are links with modes of their own.
        shutil.copyfile(config / CONFIG, folder / CONFIG)
        if (config / PYTHON_MODEL).is_file():
            shutil.copyfile(config / PYTHON_MODEL, version / PYTHON_MODEL)
    return version


def _fetch_file(store: Store, digest: str, entry: FileEntry, target: Path) -> None:
    path = target / entry.path
    hasher = hashlib.sha256()
    size = 0
    with (
        store.open(artifact_path(digest, entry.path)) as stream,
        explained(Place(uri=target.absolute().as_uri()), Reason.ARTIFACT_UNREADABLE),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            while size <= entry.size and (chunk := stream.read(CHUNK_BYTES)):
                size += len(chunk)
                hasher.update(chunk)
                out.write(chunk)
    if (size, f"sha256:{hasher.hexdigest()}") != (entry.size, entry.sha256):
        path.unlink()
        raise RefusedError(
            Reason.ARTIFACT_UNREADABLE,
            f"File {entry.path} of artifact {digest} is not the one that was published: the "
            f"store's content was changed. Delete the artifact's folder, and it is made again.",
        )
