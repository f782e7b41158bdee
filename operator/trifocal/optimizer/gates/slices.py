"""Test: no slice and no class got worse, whatever the average says. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    by_chance: bool = False
    """So few items that chance explains it."""

    @property
    def drop(self) -> float:
        """What was lost."""
        return self.reference - self.own


def missed_slices(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> tuple[str, ...]:
    """Groups that lost more than `max_slice_drop` and more than chance explains."""
    judged = _judged(candidate, source, gate, metric)
    return tuple(_sentence(one, metric, gate) for one in judged if not one.by_chance)


def noted_slices(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> tuple[str, ...]:
    """Groups that lost more than the gate allows, on too few items to tell."""
    judged = _judged(candidate, source, gate, metric)
    return tuple(
        f"{_sentence(one, metric, gate)}, but chance explains that on so few images; add more of "
        f"them to the evaluation data"
        for one in [one for one in judged if one.by_chance][:_NAMED]
    )


def _judged(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> Iterator[Loss]:
    """Groups below what the gate allows, the worst first, until enough of them are no chance.

    More would tell nothing new, and a test takes seconds where there are many boxes.
    """
    groups = source.groups()
    count = Counter(group.kind for group in groups)
    found = 0
    for loss in sorted(_fallen(candidate, source, gate, metric), key=lambda one: -one.drop):
        chance = loss_by_chance(candidate, source, metric, loss.group)
        by_chance = chance > LEVEL / count[loss.group.kind]
        yield replace(loss, by_chance=by_chance)
        found += not by_chance
        if found == _NAMED:
            return


def _fallen(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> Iterator[Loss]:
    for group in source.groups():
        own, reference = candidate.measure(metric, group), source.measure(metric, group)
        if reference - own > gate.max_slice_drop + ROUNDING:
            yield Loss(group=group, own=own, reference=reference)


def _sentence(loss: Loss, metric: str, gate: AccuracyGate) -> str:
    return (
        f"{metric} on the {loss.group.kind} '{loss.group.name}' ({loss.group.items} images) is "
        f"{loss.own:.4f}, {loss.drop:.4f} below the source's {loss.reference:.4f}; the gate allows "
        f"{gate.max_slice_drop:g}"
    )
