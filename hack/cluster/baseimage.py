"""The base image that stands in for the Dockerfile's: a Debian root without a registry."""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from .buildah import Buildah
from .commands import run
from .paths import cache_dir

_SUITE = "bookworm"
# What python:slim has and a minimal Debian has not.
_PACKAGES = ("python3", "python3-venv", "libpython3.11", "ca-certificates")
_SCRAP = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "var/log")
# As in the images that it stands in for: installing a server's package starts no server.
_POLICY = "#!/bin/sh\nexit 101\n"


def base_image(buildah: Buildah) -> str:
    """Its name, once it exists; named by what goes into it."""
    key = hashlib.sha256(" ".join((_SUITE, *_PACKAGES, *_SCRAP, _POLICY)).encode()).hexdigest()[:10]
    name = f"localhost/trifocal-base:{_SUITE}-{key}"
    if not buildah.has(name):
        print(f"making the base image from Debian {_SUITE} packages ...", flush=True)
        scratch = Path(tempfile.mkdtemp(prefix="debian.", dir=cache_dir() / "images"))
        try:
            buildah.commit_folder(_debian(scratch / "root"), name)
        finally:
            shutil.rmtree(scratch)
    return name


def _debian(root: Path) -> Path:
    include = f"--include={','.join(_PACKAGES)}"
    run(["debootstrap", "--variant=minbase", include, _SUITE, root, *_mirror()])
    for folder in _SCRAP:
        for entry in (root / folder).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text(_POLICY)
    policy.chmod(0o755)
    return root


def _mirror() -> list[str]:
    """The mirror that this machine's own apt uses; none: debootstrap's default."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt").glob("sources.list.d/*"))]
    for source in sources:
        text = source.read_text() if source.is_file() else ""
        found = re.search(
            r"^(?:URIs:\s*|deb\s+(?:\[[^]]*\]\s*)?)(https?://\S+/debian)/?\s", text, re.MULTILINE
        )
        if found:
            return [found[1]]
    return []
