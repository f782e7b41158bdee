"""ONNX classifiers small enough to reason about, and labelled images that they get right.

The model answers the mean of each colour channel, so the class of an image is its colour.
"""

import csv
import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from trifocal.api.gate import Gate
from trifocal.api.model import ModelSpec, TensorSpec
from trifocal.api.serving import Batching
from trifocal.api.target import Target
from trifocal.api.techniques import Distillation, FineTuning, Quantization
from trifocal.optimizer.contract import OptimizationRequest, ResolvedLocation

LABELS = ("red", "green", "blue")
SIZE = 8
"""Pixels of an image's edge."""


def colour_classifier(  # noqa: PLR0913 - each with a default, so that a test names what it is about
    *,
    input_name: str = "x",
    batch: int | str = "batch",
    classes: int = 3,
    outlier: float = 0.0,
    copies: int = 1,
    flatten: Sequence[int] | None = None,
    opset: int = 17,
) -> Any:
    """1x1 convolution, mean over the image, linear layer.

    `outlier` adds a channel with that many times the brightness, which the last layer ignores: it
    widens the range of the activations without changing any answer. `copies` repeats the channels,
    so that some can be pruned. `flatten` replaces Flatten
    by a Reshape to that constant shape, which is how exporters bake in a batch size.
    """
    channels = 3 * copies + (1 if outlier else 0)
    weights = np.zeros((channels, 3, 1, 1), np.float32)
    linear = np.zeros((channels, classes), np.float32)
    for channel in range(3 * copies):
        weights[channel, channel % 3] = 1
        if channel % 3 < classes:
            linear[channel, channel % 3] = 1 / copies
    if outlier:
        weights[-1] = outlier
    initializers = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(linear, "linear"),
    ]
    flat = helper.make_node("Flatten", ["mean"], ["flat"])
    if flatten is not None:
        initializers.append(numpy_helper.from_array(np.asarray(flatten, np.int64), "shape"))
        flat = helper.make_node("Reshape", ["mean", "shape"], ["flat"])
    nodes = [
        helper.make_node("Conv", ["x" if input_name == "x" else input_name, "w"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["mean"]),
        flat,
        helper.make_node("MatMul", ["flat", "linear"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, classes])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def save(model: Any, path: Path) -> Path:
    onnx.save_model(model, path)
    return path


def model_spec(**changes: Any) -> ModelSpec:
    """Spec that fits `colour_classifier()`; keywords replace fields."""
    fields: dict[str, Any] = {
        "source": {"uri": "file:///model.onnx", "digest": f"sha256:{'0' * 64}"},
        "task": "classification",
        "inputs": (TensorSpec(name="x", shape=(3, SIZE, SIZE)),),
        "labels": LABELS,
    }
    return ModelSpec.model_validate({**fields, **changes})


def colour_image(label: str, seed: int) -> Image.Image:
    """An image whose own colour is the strongest, by 30 of 255 at least."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(40, 120, (SIZE, SIZE, 3), dtype=np.uint8)
    pixels[:, :, LABELS.index(label)] = rng.integers(150, 220, (SIZE, SIZE), dtype=np.uint8)
    return Image.fromarray(pixels)


def dataset(
    path: Path,
    rows: Sequence[tuple[str, str]] | None = None,
    *,
    per_class: int = 6,
    first_seed: int = 0,
) -> Path:
    """A .tar with images/<label>-<n>.png, and labels.csv with these rows (default: the truth).

    Sets with other seeds share no image.
    """
    names = [(f"images/{label}-{n}.png", label) for label in LABELS for n in range(per_class)]
    with tarfile.open(path, "w") as archive:
        for seed, (name, label) in enumerate(names, first_seed):
            buffer = io.BytesIO()
            colour_image(label, seed).save(buffer, "PNG")
            add(archive, name, buffer.getvalue())
        table = io.StringIO()
        csv.writer(table).writerows([("file", "label"), *(names if rows is None else rows)])
        add(archive, "labels.csv", table.getvalue().encode())
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def located(path: Path) -> ResolvedLocation:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ResolvedLocation(uri=path.as_uri(), digest=f"sha256:{digest}")


def request(
    folder: Path, graph: Any = None, /, *, evaluation: Path | None = None, **changes: Any
) -> OptimizationRequest:
    """A request for a model with data of its own, all written below `folder`."""
    source = save(colour_classifier() if graph is None else graph, folder / "model.onnx")
    fields: dict[str, Any] = {
        "name": "colours",
        "model": model_spec(),
        "source": located(source),
        "calibration": located(dataset(folder / "calibration.tar", first_seed=1000)),
        "evaluation": located(evaluation or dataset(folder / "evaluation.tar")),
        "store": ResolvedLocation(uri=(folder / "store").as_uri()),
        "targets": (Target(),),
        "search": "grid",
        "precisions": ("fp32", "fp16", "int8"),
        "quantization": Quantization(
            calibration_samples=8, calibration_method="minmax", per_channel=True, float_layers=0
        ),
        "pruning": (),
        "distillation": Distillation(),
        "fine_tuning": FineTuning(),
        "gate": Gate(),
        "prefer": "latency",
        "batching": Batching(max_batch_size=4),
        "optimizer_image": "test",
    }
    return OptimizationRequest.model_validate({**fields, **changes})
