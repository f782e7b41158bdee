"""What a decision was derived from, in one value: enough to follow it by hand. Pure."""

from dataclasses import dataclass

from trifocal.autoscaling.outlook import Outlook, Situation
from trifocal.autoscaling.signal import NoData, Signal


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The situation without its memory, of which only what was used is kept."""

    current: int
    """Replicas that were ordered."""
    ready: int
    min_replicas: int
    """In force at the time: the spec's, or a schedule's."""
    max_replicas: int
    cold_start_seconds: float
    """Measured, or assumed while none was."""
    dispersion: float
    """Variance of the load's counts over their mean."""
    growth: float | None
    """What the forecast is multiplied with; None while the past says nothing."""
    most_needed: int
    """Within the hold, the present need included: the number does not fall below it."""
    signal: Signal | None
    """What was measured; None when nothing was."""
    outlook: Outlook | None
    """What is foreseen, and what it needs; None when nothing was measured."""
    waiting_work: float | None = None
    """What the wake-up query gave; None where there is none, or no answer."""


def inputs_of(situation: Situation, outlook: Outlook | None) -> Inputs:
    """The inputs of a decision in a situation whose history has the present need already."""
    history, signal = situation.history, situation.signal
    return Inputs(
        current=situation.current,
        ready=situation.ready,
        min_replicas=situation.scaling.min_replicas,
        max_replicas=situation.scaling.max_replicas,
        cold_start_seconds=situation.cold_start_seconds,
        dispersion=history.arrivals.dispersion,
        growth=history.arrivals.growth,
        most_needed=history.most_needed(),
        signal=None if isinstance(signal, NoData) else signal,
        outlook=outlook,
    )
