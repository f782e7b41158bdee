"""Linear quantization: Q(x) = round((x - xmin) / (xmax - xmin) * (2^b - 1)). Pure.

Runtimes store it as a scale and a zero point, Q(x) = round(x / scale) + zeroPoint, with
scale = (xmax - xmin) / (2^b - 1) and zeroPoint = qmin - round(xmin / scale): the same line, moved
by less than half a step so that 0 is exactly an integer (padding and ReLU must stay exact).
Symmetric means xmin = -xmax, which makes the zero point 0 and uses 2^b - 2 steps (-127 to 127).
Halves are rounded to even, as ONNX's QuantizeLinear does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True, kw_only=True)
class Linear:
    """The line of a tensor, or one line for each index along `axis`."""

    scale: NDArray[np.float32]
    """Real size of one step; shape [] or [channels]."""
    zero_point: NDArray[Any]
    """The integer that means 0; shape of `scale`, dtype of what is quantized to."""
    axis: int | None = None


def fitted(
    values: NDArray[np.float32], dtype: DTypeLike, *, symmetric: bool, axis: int | None = None
) -> Linear:
    """The line that just covers these values, each channel along `axis` for itself.

    Raises:
        ValueError: A value is not finite, or there is none.
    """
    if not values.size or not np.isfinite(values).all():
        raise ValueError("values to quantize must be finite, and there must be some")
    others = None if axis is None else tuple(i for i in range(values.ndim) if i != axis)
    return line(
        values.min(axis=others), values.max(axis=others), dtype, symmetric=symmetric, axis=axis
    )


def line(
    low: Any, high: Any, dtype: DTypeLike, *, symmetric: bool, axis: int | None = None
) -> Linear:
    """The line through ranges, which are widened to hold 0.

    A range that is only 0 gets the scale 1 and the zero point 0, so that 0 stays 0.

    Raises:
        ValueError: Symmetric with an unsigned type, whose middle no integer is.
    """
    limits = np.iinfo(np.dtype(dtype))
    low = np.minimum(np.asarray(low, np.float64), 0)
    high = np.maximum(np.asarray(high, np.float64), 0)
    if symmetric:
        if limits.min == 0:
            raise ValueError(f"symmetric quantization needs a signed type, not {limits.dtype}")
        scale = np.maximum(-low, high) / limits.max
    else:
        scale = (high - low) / (limits.max - limits.min)
    empty = scale < np.finfo(np.float32).tiny
    scale = np.where(empty, 1.0, scale)
    zero_point = np.zeros_like(scale) if symmetric else np.rint(limits.min - low / scale)
    zero_point = np.where(empty, 0, zero_point)
    return Linear(
        scale=scale.astype(np.float32), zero_point=zero_point.astype(limits.dtype), axis=axis
    )


def quantize(values: NDArray[np.float32], by: Linear) -> NDArray[Any]:
    """Integers of `by.zero_point`'s dtype; what lies outside the range becomes its end."""
    limits = np.iinfo(by.zero_point.dtype)
    steps = np.rint(values / _along(by.scale, values.ndim, by.axis))
    moved = steps + _along(by.zero_point, values.ndim, by.axis).astype(np.float64)
    integers: NDArray[Any] = np.clip(moved, limits.min, limits.max).astype(limits.dtype)
    return integers


def dequantize(integers: NDArray[Any], by: Linear) -> NDArray[np.float32]:
    """(q - zeroPoint) * scale, in float32."""
    zero_point = _along(by.zero_point, integers.ndim, by.axis).astype(np.int32)
    steps = (integers.astype(np.int32) - zero_point).astype(np.float32)
    values: NDArray[np.float32] = steps * _along(by.scale, integers.ndim, by.axis)
    return values


def _along(parameter: NDArray[Any], dimensions: int, axis: int | None) -> NDArray[Any]:
    if axis is None:
        return parameter
    return parameter.reshape([-1 if i == axis else 1 for i in range(dimensions)])
