"""How an artifact and a request's result enter the store, and how they are found again.

    artifacts/<hex>/<file>         the artifact's files
    artifacts/<hex>/manifest.json  written last: an artifact without it does not exist
    reports/<request hex>.json     every candidate with all figures, for people; written first as
                                   "unfinished", so that a store that cannot be written to
                                   fails the work before it is done, not after
    recipes/<request hex>.json     written last of all: request -> artifact and result

A crash between any two writes leaves files that nothing refers to; the next run with the same
request writes the same names again. Two runs at once write equal bytes to equal names, except for
the recipe and the report, where the later one wins and both refer to whole artifacts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trifocal.artifacts.digest import file_digest
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    parse_manifest,
)
from trifocal.artifacts.store import Store

MAX_RECIPE_BYTES = 1 << 20


def hex_of(digest: str) -> str:
    """The 64 digits of sha256:<hex>."""
    return digest.removeprefix("sha256:")


def artifact_path(digest: str, file: str) -> str:
    """Where a file of an artifact lies in a store."""
    return f"artifacts/{hex_of(digest)}/{file}"


def recipe_path(request: str) -> str:
    """Where the result of a request lies in a store."""
    return f"recipes/{hex_of(request)}.json"


def report_path(request: str) -> str:
    """Where the report of a request lies in a store."""
    return f"reports/{hex_of(request)}.json"


def describe(files: Mapping[str, Path], metadata: Mapping[str, Any]) -> Manifest:
    """Manifest of local files, by their path in the artifact."""
    entries = tuple(
        FileEntry(path=path, size=source.stat().st_size, sha256=file_digest(source))
        for path, source in sorted(files.items())
    )
    return Manifest(files=entries, metadata=dict(metadata))


def publish(store: Store, manifest: Manifest, files: Mapping[str, Path]) -> str:
    """Write an artifact, its manifest last, and return its digest. Whole already: nothing to do.

    Raises:
        WorkError: StoreUnwritable, DiskFull, or why the store cannot be read.
    """
    if exists(store, manifest.digest):
        return manifest.digest
    for entry in manifest.files:
        path = artifact_path(manifest.digest, entry.path)
        store.write_file(path, files[entry.path])
    store.write(artifact_path(manifest.digest, MANIFEST), manifest.to_bytes())
    return manifest.digest


def exists(store: Store, digest: str) -> bool:
    """Whether the artifact is whole: a valid manifest, and each file with its size.

    A damaged manifest counts as absent, so that publishing repairs it. Contents are verified by
    whoever fetches them.
    """
    content = store.read(artifact_path(digest, MANIFEST), MAX_MANIFEST_BYTES)
    if content is None:
        return False
    try:
        manifest = parse_manifest(content, digest)
    except RefusedError:
        return False
    return all(
        store.size(artifact_path(digest, entry.path)) == entry.size for entry in manifest.files
    )


def begin(store: Store, request: str) -> None:
    """Note that work on a request has begun.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    store.write(report_path(request), b'{"state": "unfinished"}')


def record(store: Store, request: str, result: Mapping[str, Any], report: bytes) -> None:
    """Remember a request's result. Call it after the artifact is published.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    store.write(report_path(request), report)
    store.write(recipe_path(request), json.dumps(result, sort_keys=True).encode())


def recall(store: Store, request: str) -> Mapping[str, Any] | None:
    """Result of an earlier run of the same request whose artifact is still whole, or None.

    A recipe that is damaged or whose artifact is gone counts as none: the work is done again.

    Raises:
        WorkError: The store cannot be read.
    """
    content = store.read(recipe_path(request), MAX_RECIPE_BYTES)
    if content is None:
        return None
    try:
        recipe = json.loads(content)
    except ValueError:
        return None
    artifact = recipe.get("artifact") if isinstance(recipe, dict) else None
    if not isinstance(artifact, str) or not exists(store, artifact):
        return None
    return dict(recipe)
