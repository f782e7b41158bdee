"""The models and datasets that the e2e tests use, good ones and broken ones, with their digests."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.quadrants import sha256, write_dataset, write_model

DataSet = Mapping[str, str]
"""File name -> digest."""


def write_data(folder: Path) -> DataSet:
    """Write every file into the folder."""
    write_model(folder / "model.onnx")
    write_model(folder / "model-v2.onnx", gain=1.5)
    write_model(folder / "fragile.onnx", fragile=True)
    write_model(folder / "upside-down.onnx", gain=-1.0)
    whole = (folder / "model.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
    write_dataset(folder / "calibration.tar", count=32, first_seed=10_000)
    write_dataset(folder / "evaluation.tar", count=64, first_seed=20_000)
    write_dataset(folder / "unlabelled.tar", count=8, first_seed=30_000, labels=None)
    write_dataset(
        folder / "strange-labels.tar", count=8, first_seed=30_000, labels=("a", "b", "c", "d")
    )
    _write_traversal(folder / "traversal.tar")
    return {path.name: sha256(path) for path in folder.iterdir()}


def _write_traversal(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("../../escaped.png")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"png"))
