"""How late the operator's event loop was in a step, from its own histogram. Pure."""

import math
from collections.abc import Mapping

FAMILY = "trifocal_event_loop_lag_seconds"

Metrics = Mapping[str, float]
"""Samples by name and labels, as the exposition writes them."""


def worst(before: Metrics, after: Metrics) -> float | None:
    """Seconds within which every wake-up between two readings came, to a bucket's upper bound.

    None where nothing was observed: another program, or no time.
    """
    turns = _since(before, after, f"{FAMILY}_count")
    if turns <= 0:
        return None
    buckets = sorted((_bound(name), name) for name in after if name.startswith(f"{FAMILY}_bucket"))
    return next(bound for bound, name in buckets if _since(before, after, name) >= turns)


def _bound(bucket: str) -> float:
    text = bucket.partition('le="')[2].partition('"')[0]
    return math.inf if text == "+Inf" else float(text)


def _since(before: Metrics, after: Metrics, name: str) -> float:
    return after.get(name, 0.0) - before.get(name, 0.0)
