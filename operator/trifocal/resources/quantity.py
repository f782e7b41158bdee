"""Kubernetes quantities in the form that the API server stores. Pure.

A quantity that the server would rewrite (0.5 to 500m) makes every comparison of what is wanted
with what is stored differ, and a reconcile that should write nothing would write.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from trifocal.api.resources import ResourceList, ResourceRequirements

_BINARY: Mapping[str, int] = MappingProxyType(
    {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
)
"""Powers of 1024."""
_DECIMAL: Mapping[str, int] = MappingProxyType(
    {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
)
"""Powers of 1000."""
_QUANTITY = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<suffix>[A-Za-z]*)")


def amount(quantity: str) -> Decimal:
    """The plain number: cores, or bytes.

    Raises:
        ValueError: It is no quantity.
    """
    match = _QUANTITY.fullmatch(quantity)
    suffix = match["suffix"] if match else None
    if match is None or suffix not in {*_BINARY, *_DECIMAL}:
        raise ValueError(f"{quantity!r} is no quantity; write for example 500m, 2 or 1Gi.")
    factor = (
        Decimal(1024) ** _BINARY[suffix] if suffix in _BINARY else Decimal(1000) ** _DECIMAL[suffix]
    )
    return Decimal(match["number"]) * factor


def canonical(quantity: str) -> str:
    """The same amount as the API server writes it.

    No fraction, the largest suffix that allows it, and binary suffixes only from 1024 up
    (apimachinery, resource.Quantity.CanonicalizeBytes). Below a thousand-millionth it rounds up.
    """
    value = amount(quantity)
    if quantity[-1] == "i" and value >= 1024:  # noqa: PLR2004 - one Ki
        return _written(Decimal(math.ceil(value)), 1024, _BINARY)
    nano = Decimal(math.ceil(value * 10**9))
    return _written(nano / 10**9, 1000, _DECIMAL)


def _written(value: Decimal, base: int, suffixes: Mapping[str, int]) -> str:
    if value == 0:
        return "0"
    for suffix, power in sorted(suffixes.items(), key=lambda item: -item[1]):
        mantissa = value / Decimal(base) ** power
        if mantissa == mantissa.to_integral_value():
            return f"{int(mantissa)}{suffix}"
    return str(int(value))


def resource_requirements(
    resources: ResourceRequirements, extended: Mapping[str, int] | None = None
) -> dict[str, dict[str, str]]:
    """A container's `resources`, with extended resources in requests and limits alike.

    The API server copies a limit that has no request into requests; so does this, because what
    is compared must be what is stored.
    """
    limits = _listed(resources.limits) | {k: str(v) for k, v in (extended or {}).items()}
    requests = limits | _listed(resources.requests)
    return {
        kind: amounts for kind, amounts in (("requests", requests), ("limits", limits)) if amounts
    }


def _listed(resources: ResourceList | None) -> dict[str, str]:
    if resources is None:
        return {}
    return {
        name: canonical(value)
        for name, value in (("cpu", resources.cpu), ("memory", resources.memory))
        if value is not None
    }
