"""The input of the smoke inference, made from a seed so that only numbers have to travel. Pure."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trifocal.triton.tensor import Tensor, triton_type

_MANTISSA_BITS = 24
"""Random bits per value: float32 holds every multiple of 2**-23 in [-1, 1) exactly."""


class InferInput(Protocol):
    """A tensor of a request, of either of tritonclient's modules."""

    def set_data_from_numpy(self, input_tensor: NDArray[Any]) -> Any:
        """Give it its values."""


T = TypeVar("T", bound=InferInput)


def smoke_input(seed: int, inputs: Sequence[Tensor]) -> Mapping[str, NDArray[Any]]:
    """Make one array for each input, of batch 1: uniform in [-1, 1), the same on every machine.

    The values are the top 24 bits of PCG64's raw stream. `Generator.uniform` would not do: its
    stream may change between numpy releases (NEP 19), and the optimizer that records the answers
    and the operator that checks them need not share one. Every input draws from the same stream,
    in the order given; a dimension that varies is 1.
    """
    stream = np.random.PCG64(seed)
    return {tensor.name: _draw(stream, tensor) for tensor in inputs}


def made_into(
    make: Callable[[str, list[int], str], T], seed: int, inputs: Sequence[Tensor]
) -> list[T]:
    """The same in the form of Triton's client library.

    Args:
        make: InferInput of tritonclient's HTTP or gRPC module; given name, shape and Triton's type.
        seed: as for `smoke_input`.
        inputs: likewise.
    """
    arrays = smoke_input(seed, inputs)
    found = []
    for tensor in inputs:
        array = arrays[tensor.name]
        each = make(tensor.name, list(array.shape), triton_type(tensor))
        each.set_data_from_numpy(array)
        found.append(each)
    return found


def _draw(stream: np.random.PCG64, tensor: Tensor) -> NDArray[Any]:
    shape = tuple(max(dimension, 1) for dimension in tensor.shape)
    raw = np.asarray(stream.random_raw(prod(shape)), dtype=np.uint64)
    integers = raw >> np.uint64(64 - _MANTISSA_BITS)
    values = integers.astype(np.float64) / 2 ** (_MANTISSA_BITS - 1) - 1
    typed: NDArray[Any] = values.astype(np.float32).astype(tensor.dtype)
    return typed.reshape(shape)
