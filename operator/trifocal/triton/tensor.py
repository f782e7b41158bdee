"""A tensor of a served model as Triton needs to know it, and its element type in Triton's words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

BATCH = -1
"""The dimension that stands for the batch."""

TRITON_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "bool": "BOOL",
        "uint8": "UINT8",
        "uint16": "UINT16",
        "uint32": "UINT32",
        "uint64": "UINT64",
        "int8": "INT8",
        "int16": "INT16",
        "int32": "INT32",
        "int64": "INT64",
        "float16": "FP16",
        "float32": "FP32",
        "float64": "FP64",
    }
)
"""Element types, from numpy's name to Triton's (server docs, model_configuration.md#datatypes)."""


class Tensor(Protocol):
    """An input or output; `trifocal.optimizer.contract.Tensor` is one."""

    @property
    def name(self) -> str:
        """Name in the model's graph."""

    @property
    def dtype(self) -> str:
        """Element type as numpy names it, for example float32."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions with the batch first; -1 where it varies."""


def triton_type(tensor: Tensor) -> str:
    """Triton's word for the element type, for example FP32.

    Raises:
        ValueError: Triton has no such type.
    """
    try:
        return TRITON_TYPES[tensor.dtype]
    except KeyError:
        raise ValueError(
            f"Tensor {tensor.name} has element type {tensor.dtype}, which Triton cannot serve; "
            f"it must be one of {', '.join(TRITON_TYPES)}."
        ) from None
