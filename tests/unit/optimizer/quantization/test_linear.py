"""The affine formula, by hand, against ONNX's reference and ONNX Runtime's own parameters."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from trifocal.optimizer.quantization.linear import Linear, dequantize, fitted, line, quantize

TYPES = {np.int8: TensorProto.INT8, np.uint8: TensorProto.UINT8, np.int16: TensorProto.INT16}


def values(*numbers: float) -> NDArray[np.float32]:
    return np.asarray(numbers, np.float32)


def test_unsigned_range_by_hand() -> None:
    """From -1 to 1.55: 255 steps of 0.01, and 0 is 100 steps above the lowest."""
    by = fitted(values(-1, 0, 0.5, 1.55), np.uint8, symmetric=False)

    assert float(by.scale) == pytest.approx(0.01)
    assert int(by.zero_point) == 100
    assert quantize(values(-1, 0, 0.5, 1.55), by).tolist() == [0, 100, 150, 255]


def test_the_textbook_formula_within_the_half_step_that_zero_needs() -> None:
    """Q(x) = round((x - xmin) / (xmax - xmin) * (2^8 - 1)), written down once more."""
    x = np.random.default_rng(0).uniform(-0.7, 2.1, 1000).astype(np.float32)
    textbook = np.round((x - x.min()) / (x.max() - x.min()) * (2**8 - 1))

    got = quantize(x, fitted(x, np.uint8, symmetric=False)).astype(int)

    assert np.abs(got - textbook).max() <= 1


def test_symmetric_range_by_hand() -> None:
    """The larger side, 2.54, is 127 steps of 0.02."""
    by = fitted(values(-1, 2.54), np.int8, symmetric=True)

    assert float(by.scale) == pytest.approx(0.02)
    assert int(by.zero_point) == 0
    assert quantize(values(-1, 0, 2.54), by).tolist() == [-50, 0, 127]


def test_a_range_without_zero_is_widened_to_hold_it() -> None:
    by = line(5.1, 25.5, np.uint8, symmetric=False)

    assert float(by.scale) == pytest.approx(0.1)
    assert int(by.zero_point) == 0


def test_each_channel_has_its_own_line() -> None:
    weights = np.stack([values(-1.27, 0.5), values(-12.7, 5.0)], axis=1)  # channels along axis 1

    by = fitted(weights, np.int8, symmetric=True, axis=1)

    assert by.scale == pytest.approx([0.01, 0.1])
    assert quantize(weights, by).tolist() == [[-127, -127], [50, 50]]


def test_nothing_but_zeros_stays_zero() -> None:
    by = fitted(np.zeros(3, np.float32), np.int8, symmetric=True)

    assert dequantize(quantize(np.zeros(3, np.float32), by), by).tolist() == [0, 0, 0]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        fitted(values(1, number), np.int8, symmetric=True)


def test_symmetric_and_unsigned_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="needs a signed type, not uint8"):
        line(-1, 1, np.uint8, symmetric=True)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("axis", [None, 0])
def test_onnx_reference_computes_the_same(dtype: Any, symmetric: bool, axis: int | None) -> None:
    if symmetric and dtype is np.uint8:
        return
    x = np.random.default_rng(1).normal(size=(4, 50)).astype(np.float32)
    by = fitted(x, dtype, symmetric=symmetric, axis=axis)
    beyond = x * 1.5  # some are outside the range

    integers, again = reference(beyond, by, TYPES[dtype])

    assert np.array_equal(quantize(beyond, by), integers)
    assert np.array_equal(dequantize(integers, by), again)


def reference(x: NDArray[Any], by: Linear, kind: int) -> list[Any]:
    axis: dict[str, Any] = {} if by.axis is None else {"axis": by.axis}
    parts = [
        onnx.numpy_helper.from_array(by.scale, "s"),
        onnx.numpy_helper.from_array(by.zero_point, "z"),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **axis),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **axis),
        ],
        "q",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [
            helper.make_tensor_value_info("q", kind, x.shape),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape),
        ],
        parts,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    answers: list[Any] = list(ReferenceEvaluator(model).run(None, {"x": x}))
    return answers


@pytest.mark.parametrize(("low", "high"), [(-1.3, 2.4), (0.2, 3.1), (-5.0, -0.1), (0.0, 0.0)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_onnx_runtime_chooses_the_same_parameters(low: float, high: float, symmetric: bool) -> None:
    from onnxruntime.quantization.quant_utils import (  # noqa: PLC0415 - takes a second
        compute_scale_zp,
    )

    floor = -127 if symmetric else -128
    zero_point, scale = compute_scale_zp(
        np.float32(low),
        np.float32(high),
        np.asarray(floor, np.int8),
        np.asarray(127, np.int8),
        symmetric,
    )

    by = line(np.float32(low), np.float32(high), np.int8, symmetric=symmetric)

    assert float(by.scale) == pytest.approx(float(scale), rel=1e-6)
    assert int(by.zero_point) == int(zero_point)


def test_one_line_for_unequal_channels_loses_more_than_one_for_each() -> None:
    """A channel of a hundredth of the other's size keeps one or two steps of the common line."""
    rng = np.random.default_rng(2)
    weights = (rng.normal(size=(2, 500)) * [[1], [0.01]]).astype(np.float32)

    errors = [
        float(np.square(dequantize(quantize(weights, by), by) - weights).sum())
        for by in (
            fitted(weights, np.int8, symmetric=True),
            fitted(weights, np.int8, symmetric=True, axis=0),
        )
    ]

    assert errors[0] > errors[1]
