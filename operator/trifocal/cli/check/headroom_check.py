"""The check of the PriorityClass with which placeholders keep places free. Pure."""

from trifocal.cli.check.checks import Check, Verdict
from trifocal.kube.client import Manifest

_NEVER = "Never"
"""preemptionPolicy of a class whose pods take nobody's place; unset, they take lower ones'."""
_ANY_POD = 0
"""Priority of a pod without a class, as serving pods are, where no class is the global default."""


def headroom_check(wanted: str, found: Manifest | None, *, readable: bool) -> Check:
    """Whether the class that the operator names is there, and its pods yield to serving pods.

    Models without `spec.serving.headroom` need none, so nothing of it fails.
    """
    if not readable:
        return _warning("you may not read PriorityClasses")
    if found is None:
        return _warning(
            f"there is no PriorityClass {wanted}",
            "Without it no pod of spec.serving.headroom is made. Set the chart's value "
            "headroom.priorityClass.create, or name one of your own there.",
        )
    value = int(found["value"])
    if value >= _ANY_POD:
        return _warning(
            f"PriorityClass {wanted} has the value {value}",
            "Placeholders yield only to pods of a higher priority, and a serving pod without a "
            "class has 0: make the value negative (it takes a new class).",
        )
    if found.get("preemptionPolicy") != _NEVER:
        return _warning(
            f"PriorityClass {wanted} lets its pods pre-empt others",
            f"A placeholder should take nobody's place: set preemptionPolicy {_NEVER} (it takes a "
            "new class).",
        )
    told = f"PriorityClass {wanted}, value {value}, takes nobody's place"
    return Check(name="headroom", verdict=Verdict.OK, found=told)


def _warning(found: str, to_do: str = "") -> Check:
    return Check(name="headroom", verdict=Verdict.WARN, found=found, to_do=to_do)
