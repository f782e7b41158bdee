"""What of a graph is computed beforehand: constants and shapes, with the batch left open."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from trifocal.optimizer.torch_graph.frozen import freeze

IMAGE = np.zeros((2, 3, 4, 4), np.float32)


def _written(folder: Path, text: str) -> Path:
    path = folder / "model.onnx"
    onnx.save_model(onnx.parser.parse_model(text), path)
    return path


def test_a_shape_that_is_computed_becomes_numbers_and_the_batch_stays_open(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N, 3, H, W] x) => (float[N, M] y) {
          shape = Shape(x)
          first = Constant<value_ints = [0]>()
          batch = Gather(shape, first)
          rest = Constant<value_ints = [48]>()
          wanted = Concat<axis = 0>(batch, rest)
          y = Reshape(x, wanted)
        }
        """,
    )
    graph = freeze(path, "y", IMAGE)
    assert [node.op_type for node in graph.model.graph.node] == ["Reshape"]
    assert graph.following_batch == {"wanted": (None, 48)}


def test_arithmetic_on_weights_is_done_once(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N, 3, 4, 4] x) => (float[N, 3, 4, 4] y, float[N, 3, 4, 4] other) {
          two = Constant<value_float = 2.0>()
          three = Constant<value_float = 3.0>()
          six = Mul(two, three)
          y = Mul(x, six)
          other = Relu(x)
        }
        """,
    )
    graph = freeze(path, "y", IMAGE)
    assert [node.op_type for node in graph.model.graph.node] == ["Mul"]
    assert graph.constants["six"] == pytest.approx(6.0)
    assert not graph.following_batch


def test_a_graph_for_one_batch_size_is_read_as_that(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 3, 4, 4] x) => (float[2, 48] y) {
          shape = Shape(x)
          first = Constant<value_ints = [0]>()
          batch = Gather(shape, first)
          rest = Constant<value_ints = [48]>()
          wanted = Concat<axis = 0>(batch, rest)
          y = Reshape(x, wanted)
        }
        """,
    )
    graph = freeze(path, "y", IMAGE)
    assert graph.constants["wanted"].tolist() == [2, 48]
    assert graph.shapes["y"] == (2, 48)


def test_a_random_number_is_no_constant(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N, 3, 4, 4] x) => (float[N, 3, 4, 4] y) {
          noise = RandomUniform<shape = [1]>()
          y = Add(x, noise)
        }
        """,
    )
    assert len(freeze(path, "y", IMAGE).model.graph.node) == 2
