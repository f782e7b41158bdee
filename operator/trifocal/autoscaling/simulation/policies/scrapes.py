"""What Prometheus still knows when scrapes are lost. Pure.

`rate(...[1m])` needs two samples. With fewer there is no series, and a query has an empty result.
With two or more it is extrapolated: the rate is that between the first and the last.
"""

from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.policies.window import Window

SCRAPE_SECONDS = 15.0
"""Prometheus' usual interval: what is read from it is this old."""
SAMPLES = 4
"""In a window of a minute, which includes its end and not its start."""


def known(window: Window, lost: Lost, target: int = 0) -> Window | None:
    """The part of a minute's window that a rate is computed from; None when there is no rate."""
    if not lost:
        return window
    times = [window.until - SCRAPE_SECONDS * back for back in reversed(range(SAMPLES))]
    had = [at for at in times if at >= 0 and not lost.scrape(target, at)]
    if len(had) == SAMPLES:
        return window
    return Window(had[0], had[-1]) if len(had) > 1 else None
