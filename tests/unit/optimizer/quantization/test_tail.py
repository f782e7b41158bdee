"""What follows the last weights is known, and its input is not rounded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from trifocal.optimizer.quantization.tail import free_results, tail


def graph(nodes: list[Any], weights: Mapping[str, tuple[int, ...]], *answers: str) -> Any:
    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    return helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [value("x")],
            [value(name) for name in answers],
            [
                onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name)
                for name, shape in weights.items()
            ],
        )
    )


def node(op_type: str, inputs: str, output: str) -> Any:
    return helper.make_node(op_type, inputs.split(), [output], name=f"{op_type}-{output}")


def test_a_detectors_decoding_is_its_tail_even_with_a_tiny_convolution_in_it() -> None:
    nodes = [
        node("Conv", "x body", "features"),
        node("Relu", "features", "relu"),
        node("Conv", "relu head", "raw"),
        node("Softmax", "raw", "bins"),
        node("Conv", "bins mean", "boxes"),
        node("Concat", "boxes raw", "answer"),
    ]
    shapes = {"body": (100, 100, 3, 3), "head": (16, 100, 3, 3), "mean": (1, 8, 1, 1)}

    found = tail(graph(nodes, shapes, "answer"))

    assert found == ("Softmax-bins", "Conv-boxes", "Concat-answer")


def test_a_product_gives_its_answer_unrounded() -> None:
    nodes = [
        node("Gemm", "x w", "y_in"),
        node("QuantizeLinear", "y_in s", "y_q"),
        node("DequantizeLinear", "y_q s", "y"),
        node("Softmax", "y", "answer"),
    ]
    model = graph(nodes, {"w": (4, 4), "s": ()}, "answer")

    free_results(model, frozenset({"Softmax-answer"}))

    assert [it.op_type for it in model.graph.node] == ["Gemm", "Softmax"]
    assert model.graph.node[0].output[0] == "y"


def test_what_integers_are_computed_from_stays_rounded() -> None:
    nodes = [
        node("Gemm", "x w", "y_in"),
        node("QuantizeLinear", "y_in s", "y_q"),
        node("DequantizeLinear", "y_q s", "y"),
        node("Gemm", "y w", "answer"),
    ]
    model = graph(nodes, {"w": (4, 4), "s": ()}, "answer")

    free_results(model, frozenset())

    assert len(model.graph.node) == 4
