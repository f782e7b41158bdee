"""Test: the size of the file. Pure."""

from collections.abc import Mapping
from decimal import Decimal

_SUFFIXES: Mapping[str, Decimal] = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
}


def quantity_bytes(quantity: str) -> int:
    """Bytes of a Kubernetes quantity such as 20Mi."""
    for suffix, factor in _SUFFIXES.items():
        if quantity.endswith(suffix):
            return int(Decimal(quantity.removesuffix(suffix)) * factor)
    return int(Decimal(quantity))


def missed_size(size: int, max_size: str | None) -> tuple[str, ...]:
    """`size`: bytes of the file."""
    if max_size is None or size <= quantity_bytes(max_size):
        return ()
    return (f"the file has {size} bytes, and the gate allows {max_size}",)
