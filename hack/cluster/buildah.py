"""Runs buildah with a store of its own, and passes on how this machine reaches PyPI."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from .commands import run, succeeds
from .machine import mounts_under

_CACHED_IMAGES = 300  # each step of each build is one, mostly of a few kilobytes
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class Buildah:
    """Builds images in `folder`, which holds layers and caches and may be deleted."""

    def __init__(self, folder: Path) -> None:
        """Nothing is created until it is used."""
        self._folder = folder

    def has(self, image: str) -> bool:
        """Whether the store holds that image."""
        return succeeds(self._command("inspect", "--type", "image", image))

    def commit_folder(self, root: Path, image: str) -> None:
        """An image of one layer: that folder."""
        container = self._run("from", "scratch").strip()
        try:
            self._run("copy", "--quiet", container, str(root), "/")
            self._run("commit", "--quiet", container, image)
        finally:
            self._run("rm", container)

    def build(self, dockerfile: Path, target: str, image: str, base: str) -> None:
        """Build one target of the Dockerfile, reusing every layer that did not change."""
        self._run(
            *("bud", "--isolation", "chroot", "--pull-never", "--layers", "--format", "oci"),
            *("--network", "host", *self._reach()),
            *("--build-arg", f"BASE={base}", "--target", target, "--tag", image),
            *("--file", str(dockerfile), str(dockerfile.parent)),
        )

    def export(self, image: str, target: Path) -> str:
        """Write its manifest and blobs to that folder; the digest of the manifest."""
        # This transport keeps layers as they are stored: compressing them costs a minute
        # here, only for containerd to decompress them at once. (`oci:` would keep those that
        # are there already, but always compresses: the largest image then takes thrice as long.)
        target.parent.mkdir(exist_ok=True)
        self._run("push", "--quiet", "--disable-compression", image, f"dir:{target}")
        return "sha256:" + hashlib.sha256((target / "manifest.json").read_bytes()).hexdigest()

    def tidy(self) -> None:
        """Forget failed builds; past a limit also the cache of layers, which only grows."""
        self._run("rm", "--all")
        if len(list((self._folder / "store/overlay-images").glob("*"))) > _CACHED_IMAGES:
            self._run("rmi", "--prune")

    def release(self) -> None:
        """Undo the mount that buildah leaves on its store."""
        for point in sorted(mounts_under(self._folder), key=len, reverse=True):
            succeeds(["umount", "--lazy", point])

    def _run(self, *arguments: str) -> str:
        return run(self._command(*arguments), env=_ENVIRONMENT)

    def _command(self, *arguments: str) -> list[str]:
        store = ["--root", str(self._folder / "store"), "--runroot", str(self._folder / "run")]
        return ["buildah", *store, "--storage-driver", "overlay", *arguments]

    def _reach(self) -> list[str]:
        """Volumes that tell pip and uv, inside, what they are told outside."""
        config = self._folder / "reach"
        for name, content in {"pip/pip.conf": _pip(), "uv/uv.toml": _uv()}.items():
            (config / name).parent.mkdir(parents=True, exist_ok=True)
            (config / name).write_text(content)
        volumes = {config: "/root/.config", _bundle(os.environ): str(_BUNDLE)}
        return [
            word
            for source, target in volumes.items()
            for word in ("--volume", f"{source}:{target}:ro")
        ]


# A build's base is in the store already: no registry is to be asked, whatever is configured.
_ENVIRONMENT = {"BUILDAH_LAYERS": "true"}


def _bundle(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("SSL_CERT_FILE") or environment.get("PIP_CERT") or _BUNDLE)


def _index(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _pip() -> str:
    index = _index("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    return f"[global]\ncert = {_BUNDLE}\n" + (f"index-url = {index}\n" if index else "")


def _uv() -> str:
    index = _index("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    return "system-certs = true\n" + (f'index-url = "{index}"\n' if index else "")
