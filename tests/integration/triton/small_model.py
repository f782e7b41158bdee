"""A small image classifier as ONNX, and the folder that Triton serves it from."""

import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trifocal.api.serving import ServingSpec
from trifocal.optimizer.contract import Tensor
from trifocal.triton.images import TritonImage
from trifocal.triton.model_config import model_config
from trifocal.triton.repository import CONFIG_FILE, PROGRAM_FILE, configuration_files

NAME = "small"
SIDE = 32
CLASSES = 4
INPUTS = (Tensor(name="image", dtype="float32", shape=(-1, 3, SIDE, SIDE)),)
OUTPUTS = (Tensor(name="scores", dtype="float32", shape=(-1, CLASSES)),)
IMAGE = TritonImage(reference="local", release=None, backend="python")


def write_model(path: Path, *, seed: int = 0, channels: int = 8) -> None:
    """Convolution, pooling, linear layer, with weights from the seed."""
    draw = np.random.default_rng(seed)
    kernel = draw.normal(size=(channels, 3, 3, 3)).astype(np.float32)
    weights = draw.normal(size=(channels, CLASSES)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["features"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["features"], ["positive"]),
            helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(weights, "weights")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def write_lookup(path: Path, *, batch: int | str) -> None:
    """A table of 4 rows: an index outside it is an error of the runtime."""
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "index"], ["row"], axis=0),
            helper.make_node("Squeeze", ["row", "axes"], ["scores"]),
        ],
        "lookup",
        [helper.make_tensor_value_info("index", TensorProto.INT64, [batch, 1])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def lookup_tensors(batch: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return (
        (Tensor(name="index", dtype="int64", shape=(batch, 1)),),
        (Tensor(name="scores", dtype="float32", shape=(batch, 2)),),
    )


def write_repository(
    root: Path,
    model: Path,
    *,
    name: str = NAME,
    serving: ServingSpec | None = None,
    tensors: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] = (INPUTS, OUTPUTS),
) -> Path:
    """What `trifocal fetch` lays out in a serving pod, made with the builders under test."""
    version = root / name / "1"
    version.mkdir(parents=True)
    shutil.copy(model, version / "model.onnx")
    files = configuration_files(
        model_config(name, tensors, serving or ServingSpec(), None, IMAGE, threads=1)
    )
    (version / PROGRAM_FILE).write_text(files[PROGRAM_FILE])
    (root / name / CONFIG_FILE).write_text(files[CONFIG_FILE])
    return root
