"""Means over height and width are named global pooling; other means stay."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from trifocal.optimizer.torch_graph.pooling import name_pooling


def _mean(axes: list[int], keep: int, shape: list[int]) -> onnx.ModelProto:
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"], name="mean", keepdims=keep)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(axes, np.int64), "axes")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


@pytest.mark.parametrize(
    ("axes", "keep", "operators"),
    [
        ([2, 3], 1, ["GlobalAveragePool"]),
        ([-1, -2], 1, ["GlobalAveragePool"]),
        ([2, 3], 0, ["GlobalAveragePool", "Flatten"]),
        ([1], 1, ["ReduceMean"]),
        ([1, 2], 0, ["ReduceMean"]),
    ],
)
def test_answers_stay(axes: list[int], keep: int, operators: list[str]) -> None:
    image = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    model = name_pooling(_mean(axes, keep, [3, 4, 5]))
    assert [node.op_type for node in model.graph.node] == operators
    (found,) = ReferenceEvaluator(model).run(None, {"x": image})
    expected = image.mean(tuple(axes), keepdims=bool(keep))
    np.testing.assert_allclose(np.asarray(found, np.float32), expected, rtol=1e-5)


def test_weights_that_nobody_reads_any_more_go() -> None:
    assert not name_pooling(_mean([2, 3], 1, [3, 4, 5])).graph.initializer


def test_a_mean_of_vectors_is_no_pooling() -> None:
    assert name_pooling(_mean([1, 2], 0, [3, 4])).graph.node[0].op_type == "ReduceMean"
