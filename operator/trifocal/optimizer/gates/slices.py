"""Test: no slice and no class got worse, whatever the average says. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from trifocal.api.gate import AccuracyGate
from trifocal.optimizer.evidence import Evidence, Group
from trifocal.optimizer.gates.accuracy import ROUNDING
from trifocal.optimizer.gates.chance import LEVEL, loss_by_chance

_NAMED = 3
"""Groups that a message names, the worst first."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A group on which a candidate is worse than the gate allows."""

    group: Group
    own: float
    reference: float
    by_chance: bool
    """So few items that chance explains it."""

    @property
    def drop(self) -> float:
        """What was lost."""
        return self.reference - self.own


def missed_slices(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> tuple[str, ...]:
    """Groups that lost more than `max_slice_drop` and more than chance explains."""
    losses = [one for one in _losses(candidate, source, gate, metric) if not one.by_chance]
    shown = [_sentence(one, metric, gate) for one in losses[:_NAMED]]
    more = len(losses) - len(shown)
    return (*shown, f"{more} more slices or classes lost too much") if more else tuple(shown)


def noted_slices(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> tuple[str, ...]:
    """Groups that lost more than the gate allows, on too few items to tell."""
    losses = [one for one in _losses(candidate, source, gate, metric) if one.by_chance]
    return tuple(
        f"{_sentence(one, metric, gate)}, but chance explains that on so few images; add more of "
        f"them to the evaluation data"
        for one in losses[:_NAMED]
    )


def _losses(candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str) -> list[Loss]:
    """The worst first."""
    found = list(_fallen(candidate, source, gate, metric))
    return sorted(found, key=lambda one: one.drop, reverse=True)


def _fallen(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> Iterator[Loss]:
    groups = source.groups()
    count = Counter(group.kind for group in groups)
    for group in groups:
        own, reference = candidate.measure(metric, group), source.measure(metric, group)
        if reference - own > gate.max_slice_drop + ROUNDING:
            chance = loss_by_chance(candidate, source, metric, group)
            yield Loss(
                group=group,
                own=own,
                reference=reference,
                by_chance=chance > LEVEL / count[group.kind],
            )


def _sentence(loss: Loss, metric: str, gate: AccuracyGate) -> str:
    return (
        f"{metric} on the {loss.group.kind} '{loss.group.name}' ({loss.group.items} images) is "
        f"{loss.own:.4f}, {loss.drop:.4f} below the source's {loss.reference:.4f}; the gate allows "
        f"{gate.max_slice_drop:g}"
    )
