"""The input of the smoke inference, made from a seed so that only numbers have to travel. Pure."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.triton.tensor import Tensor

_MANTISSA_BITS = 24
"""Random bits per value: float32 holds every multiple of 2**-23 in [-1, 1) exactly."""


def smoke_input(seed: int, inputs: Sequence[Tensor]) -> Mapping[str, NDArray[Any]]:
    """Make one array for each input, of batch 1: uniform in [-1, 1), the same on every machine.

    The values are the top 24 bits of PCG64's raw stream. `Generator.uniform` would not do: its
    stream may change between numpy releases (NEP 19), and the optimizer that records the answers
    and the operator that checks them need not share one. Every input draws from the same stream,
    in the order given; a dimension that varies is 1.
    """
    stream = np.random.PCG64(seed)
    return {tensor.name: _draw(stream, tensor) for tensor in inputs}


def _draw(stream: np.random.PCG64, tensor: Tensor) -> NDArray[Any]:
    shape = tuple(max(dimension, 1) for dimension in tensor.shape)
    raw = np.asarray(stream.random_raw(prod(shape)), dtype=np.uint64)
    integers = raw >> np.uint64(64 - _MANTISSA_BITS)
    values = integers.astype(np.float64) / 2 ** (_MANTISSA_BITS - 1) - 1
    typed: NDArray[Any] = values.astype(np.float32).astype(tensor.dtype)
    return typed.reshape(shape)
