"""The least that any autoscaler can cost: one that knows the whole load in advance.

Pods are paid from their order to their removal, and serve from `cold_start` seconds after the
order. With c*(t) pods needed at each time, this is the right-sizing problem of Lin, Wierman,
Andrew and Thereska with a start that costs `cold_start` pod-seconds. It falls apart into layers:
pod k is needed while c* >= k, and kept through a gap if and only if the gap is no longer than the
cold start. Ordering ahead has the same effect: it is at each time

    ordered(t) = max c*(s)   for s in [t, t + cold start]

Pods that are needed from the first moment on were ordered before it, and only the time from it on
is paid. The bound holds for policies that keep the objective in each slot. A policy that orders
less misses it somewhere, and one that meets a burst within a slot needs more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry
from trifocal.autoscaling.simulation.staffing import Staffing
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS

DECISION_SECONDS = 1.0
"""The cold start is rounded up to whole seconds in the policy, not in the bound."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Pods that are needed in each slot, and how long before it they are ordered."""

    needs: tuple[int, ...]
    slot_seconds: float
    cold_start_seconds: float

    def ordered(self, at: float) -> int:
        """Pods to have ordered at a time; after the last slot as in it.

        At 0 these are the pods that must be ready when the load begins.
        """
        first = self._slot(at)
        return max(self.needs[first : self._slot(at + self.cold_start_seconds) + 1])

    def _slot(self, at: float) -> int:
        return min(max(math.floor(at / self.slot_seconds), 0), len(self.needs) - 1)

    def least_pod_seconds(self) -> float:
        """Cost of the schedule, the cheapest there is: layer by layer, from each order on."""
        needs = np.asarray(self.needs)
        return sum(self._layer_seconds(needs >= pod) for pod in range(1, needs.max() + 1))

    def _layer_seconds(self, needed: NDArray[np.bool_]) -> float:
        """Slots in which one pod is needed, and before each the gap, or the start if shorter."""
        slots = np.flatnonzero(needed)
        gaps = (np.diff(slots, prepend=-1) - 1) * self.slot_seconds
        before = np.minimum(gaps, self.cold_start_seconds)
        return len(slots) * self.slot_seconds + float(before.sum())


def schedule(
    requests_per_second: Sequence[float],
    setting: Setting,
    *,
    percentile: float | None = None,
    slot_seconds: float = MINUTE_SECONDS,
) -> Schedule:
    """The pods that one job needs, slot by slot.

    Args:
        requests_per_second: The load of each slot, at least one.
        setting: What is simulated.
        percentile: Share of requests, in percent, for which each slot is staffed; the setting's
            unless given. A stricter one leaves room for the luck of the draw.
        slot_seconds: Length of a slot.

    Raises:
        ValueError: No number of pods keeps the objective.
    """
    staffing = Staffing(setting, percentile)
    return Schedule(
        needs=tuple(staffing.pods(rate) for rate in requests_per_second),
        slot_seconds=slot_seconds,
        cold_start_seconds=setting.cold_start_seconds,
    )


class Clairvoyant:
    """The policy that follows a schedule, so that its late requests can be counted too."""

    period_seconds = DECISION_SECONDS

    def __init__(self, planned: Schedule) -> None:
        lead = math.ceil(planned.cold_start_seconds / DECISION_SECONDS) * DECISION_SECONDS
        self._schedule = replace(planned, cold_start_seconds=lead)

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """What the schedule says, whatever happens."""
        del pods, telemetry
        return self._schedule.ordered(now)
