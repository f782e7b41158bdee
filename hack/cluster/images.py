"""Builds Trifocal's images from the Dockerfile and puts them on the node, if they changed."""

import hashlib
import json
import os
import tarfile
import time
from pathlib import Path

from .baseimage import base_image
from .buildah import Buildah
from .errors import ClusterError
from .lifecycle import exclusive, lock, say
from .oci import add_image
from .paths import REPOSITORY, State, cache_dir
from .preflight import CLUSTER_PACKAGES, IMAGE_PACKAGES, check_debian, check_root, install_packages
from .processes import recorded
from .runtime import ctr, importing, present_images

_COMMON = ("Dockerfile", ".dockerignore", "uv.lock", "pyproject.toml")
# Target of the Dockerfile -> what its image is made of; a folder counts with all in it.
TARGETS: dict[str, tuple[str, ...]] = {
    "operator": (*_COMMON, "README.md", "operator"),
    "optimizer": (*_COMMON, "README.md", "operator"),
    "optimizer-extended": (*_COMMON, "README.md", "operator", "hack/cpu_torch"),
    "triton-cpu": _COMMON,
}


def image_name(target: str) -> str:
    """What pods ask for."""
    return f"trifocal.dev/{target}:dev"


def build_images(targets: list[str]) -> None:
    """Build what changed and keep it in the cache; needs no cluster."""
    check_root()
    check_debian()
    with lock("images"):
        _build([each for each in targets if not _is_given(each)])


def images(state: State, targets: list[str]) -> None:
    """Build what changed, and import what is not on the node in its current form."""
    check_root()
    check_debian()
    if recorded(state, "containerd") is None:
        raise ClusterError("there is no cluster to put images on; run `up` first")
    targets = [each for each in targets if not _is_given(each)]
    # The outer lock too: what is imported must not be built anew meanwhile.
    with lock("images"), exclusive(state):
        _build(targets)
        present = present_images(state)
        for target in targets:
            if present.get(image_name(target)) != _saved(target)["digest"]:
                _import(state, target)
    say(f"images on the node: {', '.join(image_name(each) for each in targets)}")


def _is_given(target: str) -> bool:
    """Whether the demo and the tests were told to use another image than ours."""
    variable = f"TRIFOCAL_IMAGE_{target.upper().replace('-', '_')}"
    given = os.environ.get(variable)
    if given:
        say(f"not building {target}: {variable} names {given}")
    return bool(given)


def _build(targets: list[str]) -> None:
    missing = [each for each in targets if not _is_exported(each)]
    if not missing:
        return
    install_packages({**CLUSTER_PACKAGES, **IMAGE_PACKAGES})
    folder = cache_dir() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    buildah = Buildah(folder)
    try:
        buildah.tidy()
        base = base_image(buildah)
        for target in missing:
            say(f"building {image_name(target)} ...")
            started, key = time.monotonic(), _key(target)
            buildah.build(REPOSITORY / "Dockerfile", target, image_name(target), base)
            digest = buildah.export(image_name(target), _exported(target))
            _record(target).write_text(json.dumps({"key": key, "digest": digest}))
            say(f"built {image_name(target)} in {time.monotonic() - started:.1f} s")
    finally:
        buildah.release()


def _is_exported(target: str) -> bool:
    """Whether its current form was built before: then a new cluster only imports it."""
    exported = (_exported(target) / "manifest.json").exists()
    return exported and _saved(target).get("key") == _key(target)


def _exported(target: str) -> Path:
    return cache_dir() / "images" / "export" / target


def _record(target: str) -> Path:
    return cache_dir() / "images" / f"{target}.json"


def _saved(target: str) -> dict[str, str]:
    try:
        saved: dict[str, str] = json.loads(_record(target).read_text())
    except (OSError, ValueError):
        return {}
    return saved


def _key(target: str) -> str:
    digest = hashlib.sha256()
    for name in TARGETS[target]:
        path = REPOSITORY / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in found:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(REPOSITORY)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _import(state: State, target: str) -> None:
    """Only the blobs that the node lacks travel: a new source is one small layer."""
    folder = _exported(target)
    text = (folder / "manifest.json").read_bytes()
    manifest = json.loads(text)
    there = set(ctr(state, "content", "ls", "-q").split())
    with importing(state) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for each in (manifest["config"], *manifest["layers"]):
            if each["digest"] not in there:
                algorithm, _, name = each["digest"].partition(":")
                archive.add(folder / name, f"blobs/{algorithm}/{name}")
        add_image(archive, image_name(target), manifest["mediaType"], text)
