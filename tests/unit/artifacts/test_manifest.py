"""Content addresses: what they cover, and what a manifest may not hold."""

import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.manifest import FileEntry, Manifest, parse_manifest

DIGEST = f"sha256:{'a' * 64}"


def entry(path: str, size: int = 1) -> FileEntry:
    return FileEntry(path=path, size=size, sha256=DIGEST)


def test_address_is_sha256_of_the_manifest_file() -> None:
    manifest = Manifest(files=(entry("model.onnx"),), metadata={"labels": ["chat", "forêt"]})

    assert manifest.digest == f"sha256:{hashlib.sha256(manifest.to_bytes()).hexdigest()}"


def test_manifest_is_canonical_json() -> None:
    manifest = Manifest(files=(entry("b"), entry("a")), metadata={"z": 1, "a": 2})

    assert manifest.to_bytes() == (
        b'{"files":[{"path":"a","sha256":"' + DIGEST.encode() + b'","size":1},'
        b'{"path":"b","sha256":"' + DIGEST.encode() + b'","size":1}],'
        b'"metadata":{"a":2,"z":1},"schemaVersion":"trifocal.dev/artifact/v1"}'
    )


@given(
    st.sets(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), min_size=1), st.randoms()
)
def test_address_does_not_depend_on_the_order_of_files(paths: set[str], rng: random.Random) -> None:
    shuffled = sorted(paths)
    rng.shuffle(shuffled)

    one = Manifest(files=tuple(entry(path) for path in sorted(paths)))
    other = Manifest(files=tuple(entry(path) for path in shuffled))

    assert one.digest == other.digest


def test_written_manifest_is_read_back_as_the_same() -> None:
    manifest = Manifest(files=(entry("model.onnx", 7),), metadata={"candidate": "int8"})

    assert parse_manifest(manifest.to_bytes(), manifest.digest) == manifest


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a\\b", "", "manifest.json"]
)
def test_path_that_leaves_the_artifact_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Manifest(files=(entry(path),))


def test_same_path_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="paths must be distinct"):
        Manifest(files=(entry("a"), entry("a")))


def test_changed_manifest_is_refused() -> None:
    manifest = Manifest(files=(entry("model.onnx"),))
    changed = json.loads(manifest.to_bytes())
    changed["files"][0]["size"] = 2

    with pytest.raises(RefusedError, match="the store's content was changed") as refusal:
        parse_manifest(json.dumps(changed).encode(), manifest.digest)
    assert refusal.value.reason is Reason.ARTIFACT_UNREADABLE


def test_garbage_is_refused() -> None:
    with pytest.raises(RefusedError, match="malformed"):
        parse_manifest(b"\x00garbage", DIGEST)
