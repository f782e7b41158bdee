"""CPU and memory of a container, as Kubernetes writes them."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from trifocal.api.rule import Rule
from trifocal.api.schema import ApiModel, ByteQuantity, CpuQuantity

_UNITS = {
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGT", start=1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)},
}


class ResourceList(ApiModel):
    """Amounts of CPU and memory."""

    cpu: CpuQuantity | None = Field(default=None, description="CPU, for example 500m or 2.")
    memory: ByteQuantity | None = Field(default=None, description="Memory, for example 1Gi.")


def _amount(quantity: str) -> Decimal:
    number = quantity.rstrip("mkMGTi")
    return Decimal(number) * _UNITS.get(quantity.removeprefix(number), Decimal(1))


def _within_limit(resource: str) -> Rule:
    """requests.<resource> <= limits.<resource>, where both are given."""
    pair = (f"self.requests.{resource}", f"self.limits.{resource}")
    given = [f"has({path})" for path in ("self.requests", "self.limits", *pair)]
    request, limit = (f"string({path})" for path in pair)
    parsed = [f"isQuantity({each})" for each in (request, limit)]  # a bad one is told elsewhere
    compared = f"quantity({request}).compareTo(quantity({limit})) <= 0"

    def holds(it: "ResourceRequirements") -> bool:
        request = getattr(it.requests, resource, None)
        limit = getattr(it.limits, resource, None)
        return request is None or limit is None or _amount(request) <= _amount(limit)

    return Rule(
        cel=f"!({' && '.join(given + parsed)}) || {compared}",
        holds=holds,
        says=f"requests.{resource} is {{requests.{resource}}}, more than limits.{resource}, which "
        f"is {{limits.{resource}}}; lower the request or raise the limit.",
        at=f".requests.{resource}",
    )


class ResourceRequirements(ApiModel):
    """Requests and limits of a container."""

    requests: ResourceList | None = Field(default=None, description="What is reserved.")
    limits: ResourceList | None = Field(default=None, description="What must not be exceeded.")

    rules: ClassVar[tuple[Rule, ...]] = (_within_limit("cpu"), _within_limit("memory"))


Replicas = Annotated[int, Field(ge=0, le=1000)]
"""A number of pods."""
