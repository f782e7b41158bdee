"""A tiny classifier whose right answers are known by construction: the brightest quadrant wins.

Images are 16 x 16 pixels with one bright quadrant; the model averages each quadrant. It is exact,
so every candidate's accuracy can be predicted: 1.0 for the source, and for the `fragile` variant
0.25 (chance) once its activations are rounded to 8 bits.
"""

import csv
import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIZE = 16
LABELS = ("top-left", "top-right", "bottom-left", "bottom-right")
BRIGHT, DARK = 200, 60


def sha256(path: Path) -> str:
    """Digest as a manifest wants it."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def write_model(path: Path, *, gain: float = 1.0, fragile: bool = False) -> str:
    """Write the classifier and return its digest; another gain is another model, equally right.

    Fragile: the quadrants' means ride on an offset of 10,000 before it is subtracted again, so
    float32 keeps them apart (step 0.001) and 8 bits (step 40) cannot.
    """
    gray = np.full((1, 3, 1, 1), gain / 3, np.float32)
    offset = np.array([10_000.0 if fragile else 0.0], np.float32)
    spread = np.eye(4, dtype=np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "gray"], ["luma"]),
        helper.make_node("AveragePool", ["luma"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Add", ["means", "offset"], ["raised"]),
        helper.make_node("Conv", ["raised", "keep"], ["kept"]),
        helper.make_node("Sub", ["kept", "offset"], ["lowered"]),
        helper.make_node("Flatten", ["lowered"], ["flat"]),
        helper.make_node("Gemm", ["flat", "spread"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quadrants",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 4])],
        [
            numpy_helper.from_array(gray, "gray"),
            numpy_helper.from_array(offset, "offset"),
            numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "keep"),
            numpy_helper.from_array(spread, "spread"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return sha256(path)


def image(label: int, seed: int) -> Image.Image:
    """Noise with one bright quadrant."""
    rng = np.random.default_rng(seed)
    pixels = np.full((SIZE, SIZE), DARK, np.int16)
    row, column = divmod(label, 2)
    pixels[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = BRIGHT
    noisy = np.clip(pixels + rng.integers(-40, 41, pixels.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(np.stack([noisy] * 3, axis=-1))


def write_dataset(
    path: Path, *, count: int, first_seed: int, labels: Sequence[str] | None = LABELS
) -> str:
    """Write an archive of labelled images and return its digest; no labels, no labels.csv."""
    rows = io.StringIO()
    table = csv.writer(rows)
    table.writerow(["file", "label"])
    with tarfile.open(path, "w") as archive:
        for index in range(count):
            name = f"images/{index:04}.png"
            picture = io.BytesIO()
            image(index % 4, first_seed + index).save(picture, "PNG")
            _add(archive, name, picture.getvalue())
            if labels:
                table.writerow([name, labels[index % 4]])
        if labels:
            _add(archive, "labels.csv", rows.getvalue().encode())
    return sha256(path)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
