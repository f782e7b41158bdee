"""Which pods the operator would have read lately, when scrapes may be lost. Pure.

The rule is that of `trifocal.autoscaling.signal`: a pod counts when it was read twice within the
window of the rate, and its rate is that between the first and the last of these readings.
"""

from collections import Counter
from dataclasses import dataclass

from trifocal.autoscaling.outlook import CONTROL_SECONDS
from trifocal.autoscaling.scaler import LATENCY_SECONDS, RATE_SECONDS
from trifocal.autoscaling.simulation.lost import Lost


@dataclass(frozen=True)
class Span:
    """From one reading to another, in seconds."""

    since: float
    until: float


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Of all ready pods, at one time."""

    spans: Counter[Span]
    """How many pods have their rate from which span."""
    pods: int
    latency: Span
    """From which latency and service time are: the window's first and last time of a reading."""

    @property
    def complete(self) -> bool:
        """Whether every pod counts."""
        return self.spans.total() == self.pods


def read(lost: Lost, pods: int, now: float) -> Readings | None:
    """What is known of so many ready pods; None when none of them was read twice."""
    spans = Counter(span for pod in range(pods) if (span := _span(lost, pod, now)) is not None)
    if not spans:
        return None
    seen = [at for at in _times(now, LATENCY_SECONDS) if not lost.everything(at)]
    until = max(span.until for span in spans)
    return Readings(spans=spans, pods=pods, latency=Span(seen[0], until))


def _span(lost: Lost, pod: int, now: float) -> Span | None:
    if not lost:
        return Span(max(now - RATE_SECONDS, 0.0), now)
    had = [at for at in _times(now, RATE_SECONDS) if not lost.scrape(pod, at)]
    return Span(had[0], had[-1]) if len(had) > 1 else None


def _times(now: float, seconds: float) -> list[float]:
    """When pods were scraped within a window, which includes both its ends."""
    steps = round(seconds / CONTROL_SECONDS)
    times = (now - CONTROL_SECONDS * back for back in reversed(range(steps + 1)))
    return [at for at in times if at >= 0]
