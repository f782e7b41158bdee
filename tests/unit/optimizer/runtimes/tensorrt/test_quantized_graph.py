"""Quantization that TensorRT would reject in its own words, or compute wrongly, is named before."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from trifocal.optimizer.runtimes.tensorrt.quantized_graph import why_quantization_is_refused


def graph(nodes: list[Any], initializers: dict[str, Any]) -> Any:
    made = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in initializers.items()],
    )
    return helper.make_model(made)


def round_trip(zero_point: Any) -> Any:
    """A quantizer of the input and back."""
    return graph(
        [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="quantize"),
            helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], name="dequantize"),
        ],
        {"scale": np.float32(0.1), "zero": zero_point},
    )


def test_signed_and_symmetric_is_accepted() -> None:
    assert why_quantization_is_refused(round_trip(np.int8(0))) is None
    assert why_quantization_is_refused(round_trip(np.zeros(4, np.int8))) is None


@pytest.mark.parametrize(
    ("zero_point", "why"),
    [
        (np.uint8(0), "uint8"),
        (np.uint8(128), "uint8"),
        (np.int8(-3), "zero point -3"),
        (np.asarray([0, 5], np.int8), "zero point 5"),
        (np.int16(0), "int16"),
        (np.uint16(0), "uint16"),
    ],
)
def test_all_else_is_refused_by_node(zero_point: Any, why: str) -> None:
    assert why_quantization_is_refused(round_trip(zero_point)) == (
        "TensorRT takes signed int8 with zero points of 0 and biases in float, but the model is "
        f"quantized otherwise at 'quantize' ({why}), 'dequantize' ({why}); give the source before "
        "quantization, of which the precision int8 makes what TensorRT takes"
    )


def test_a_quantized_bias_is_refused() -> None:
    node = helper.make_node("DequantizeLinear", ["bias", "scale"], ["y"], name="bias_dq")
    model = graph([node], {"scale": np.float32(0.1), "bias": np.zeros(4, np.int32)})
    assert "'bias_dq' (int32)" in str(why_quantization_is_refused(model))


def test_without_a_zero_point_the_standard_means_uint8() -> None:
    node = helper.make_node("QuantizeLinear", ["x", "scale"], ["y"])
    assert "'y' (uint8)" in str(
        why_quantization_is_refused(graph([node], {"scale": np.float32(1)}))
    )
    signed = helper.make_node(
        "QuantizeLinear", ["x", "scale"], ["y"], output_dtype=TensorProto.INT8
    )
    assert why_quantization_is_refused(graph([signed], {"scale": np.float32(1)})) is None


def test_a_zero_point_in_a_constant_node_is_seen() -> None:
    zero = numpy_helper.from_array(np.asarray(7, np.int8), "value")
    nodes = [
        helper.make_node("Constant", [], ["zero"], value=zero),
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"], name="q"),
    ]
    model = graph(nodes, {"scale": np.float32(1)})
    assert "'q' (zero point 7)" in str(why_quantization_is_refused(model))


def test_what_is_computed_is_left_to_the_parser() -> None:
    node = helper.make_node("DequantizeLinear", ["computed", "scale", "also"], ["y"])
    assert why_quantization_is_refused(graph([node], {"scale": np.float32(1)})) is None


def test_many_nodes_are_counted() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale"], [f"q{n}"], name=f"q{n}")
        for n in range(5)
    ]
    text = why_quantization_is_refused(graph(nodes, {"scale": np.float32(1)}))
    assert "'q0' (uint8), 'q1' (uint8), 'q2' (uint8) and 2 more;" in str(text)
