"""The steps in their order, and how far the work is. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trifocal.optimizer.contract import Progress

Listener = Callable[[Progress], None]
"""Told whenever the work has moved on."""


class Step(StrEnum):
    """What the optimizer does, in this order; each value reads as "what it is doing now"."""

    LOOK_UP = "looking for an earlier result"
    FETCH = "fetching the model and its data"
    IMPORT = "checking the model"
    SOURCE = "judging the source"
    CANDIDATES = "trying candidates"
    LATENCY = "measuring latency"
    CAPACITY = "measuring capacity"
    PUBLISH = "publishing the artifact"


_SHARES = {
    Step.LOOK_UP: 1,
    Step.FETCH: 9,
    Step.IMPORT: 2,
    Step.SOURCE: 8,
    Step.CANDIDATES: 55,
    Step.LATENCY: 12,
    Step.CAPACITY: 10,
    Step.PUBLISH: 3,
}
"""Percent of the time that each takes for a small model and some hundred images."""


@dataclass(frozen=True)
class Announcer:
    """Tells a listener about steps; knows which percent each covers."""

    listener: Listener

    def at(self, step: Step, share: float = 0.0, detail: str = "") -> None:
        """Say that a share (0 to 1) of a step is done."""
        steps = list(_SHARES)
        before = sum(_SHARES[earlier] for earlier in steps[: steps.index(step)])
        percent = int(before + _SHARES[step] * min(max(share, 0.0), 1.0))
        text = f"{step}: {detail}" if detail else str(step)
        self.listener(Progress(step=text[:200], percent=percent))
