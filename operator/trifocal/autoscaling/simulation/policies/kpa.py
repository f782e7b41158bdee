"""The Knative pod autoscaler on concurrency, with panic mode.

The sources are pkg/autoscaler/scaling/autoscaler.go and config/core/configmaps/autoscaler.yaml of
knative/serving. Requests that wait count as concurrent: the activator, which holds them, reports
them too. The wait of the activator itself, and the burst capacity that decides whether it lies in
the path, are not modelled.

Metrics that are lost for a while are averaged as pkg/autoscaler/aggregation/bucketing.go does: over
what was seen before, up to a window's length; then the average is 0, and after a stable window
without data nothing is scaled (ErrNoData). What was lost for less than a window counts as 0 when
metrics are back. Single scrapes that fail do no harm: a mean over the other pods is taken.
"""

import math
from dataclasses import dataclass, replace

from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.policies.window import RecentMaximum, last
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry

TICK_SECONDS = 2.0
"""`tickInterval`; pods are scraped each second, so a metric is never older than half of it."""
STABLE_SECONDS = 60.0
"""`stable-window`."""
PANIC_SECONDS = 6.0
"""`panic-window-percentage`: 10 % of the stable window."""
PANIC_THRESHOLD = 2.0
"""`panic-threshold-percentage`: 200 % of the ready pods."""
TARGET_UTILISATION = 0.7
"""`container-concurrency-target-percentage`."""
MAX_UP_RATE = 1000.0
"""`max-scale-up-rate`, times the ready pods."""
MAX_DOWN_RATE = 2.0
"""`max-scale-down-rate`: at least the ready pods divided by it remain."""


@dataclass(frozen=True)
class Panic:
    """What panic mode remembers."""

    since: float | None = None
    """When the threshold was last exceeded; None in stable mode."""
    most: int = 0
    """Most pods that were desired since; they are not given up in panic."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One tick's observation."""

    ready: int
    """Pods."""
    stable: float
    """Mean concurrency over the stable window, all pods together."""
    panic: float
    """The same over the panic window."""


def scale(memory: Panic, now: float, observed: Observed, target: float) -> tuple[Panic, int]:
    """Desired pods, and what to remember; `target` is the concurrency wanted in each pod."""
    ready = max(observed.ready, 1)
    in_panic = math.ceil(observed.panic / target)
    memory = _panic(memory, now, over=in_panic / ready >= PANIC_THRESHOLD)
    desired = _within_rates(math.ceil(observed.stable / target), ready)
    if memory.since is None:
        return memory, desired
    most = max(memory.most, desired, _within_rates(in_panic, ready))
    return replace(memory, most=most), most


def _panic(memory: Panic, now: float, *, over: bool) -> Panic:
    """Panic starts or goes on while over the threshold, and ends a stable window later."""
    if over:
        return replace(memory, since=now)
    if memory.since is not None and memory.since + STABLE_SECONDS < now:
        return Panic()
    return memory


def _within_rates(desired: int, ready: int) -> int:
    """Never beyond the rates, in terms of the ready pods."""
    return min(max(desired, math.floor(ready / MAX_DOWN_RATE)), math.ceil(MAX_UP_RATE * ready))


class Kpa:
    """One revision's autoscaler."""

    period_seconds = TICK_SECONDS

    def __init__(self, setting: Setting, scale_down_delay_seconds: float = 0.0) -> None:
        # containerConcurrency is what a pod executes together.
        self._target = TARGET_UTILISATION * setting.max_batch
        self._lost = setting.lost
        self._delay = (
            RecentMaximum(scale_down_delay_seconds) if scale_down_delay_seconds > 0 else None
        )
        self._memory: Panic | None = None

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """Desired pods after the scale-down delay; the present number before there are metrics."""
        if self._memory is None:
            # Metrics are lost at a restart, so what runs is kept until there are new ones.
            self._memory = Panic(now if pods.ready > 1 else None, pods.ready)
        if now <= 0 or now - self._lost.known_until(now) >= STABLE_SECONDS:
            return pods.ordered
        observed = Observed(
            ready=pods.ready,
            stable=_concurrency(telemetry, STABLE_SECONDS, now, self._lost),
            panic=_concurrency(telemetry, PANIC_SECONDS, now, self._lost),
        )
        self._memory, desired = scale(self._memory, now, observed, self._target)
        return self._delay.record(now, desired) if self._delay else desired


def _concurrency(telemetry: Telemetry, seconds: float, now: float, lost: Lost) -> float:
    window = last(seconds, now)
    until = lost.known_until(now)
    # A gap of a window's length or more starts the buckets anew.
    anew = (end for begin, end in lost.windows if end <= now and end - begin >= seconds)
    since = max(window.since, *anew, 0.0)
    if until <= since:
        return 0.0
    return telemetry.in_system(since, until) - _unseen(telemetry, since, until, lost)


def _unseen(telemetry: Telemetry, since: float, until: float, lost: Lost) -> float:
    """What the gaps between two times would have added to the mean."""
    gaps = [(max(begin, since), min(end, until)) for begin, end in lost.windows]
    return sum(
        telemetry.in_system(begin, end) * (end - begin) / (until - since)
        for begin, end in gaps
        if begin < end
    )


DELAY_SECONDS = 300.0
"""`scale-down-delay` of the second variant: as long as the HPA's stabilisation. Default: 0."""


def with_delay(setting: Setting) -> Kpa:
    """KPA that scales down only to the most that was desired in DELAY_SECONDS."""
    return Kpa(setting, DELAY_SECONDS)
