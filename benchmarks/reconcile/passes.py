"""How many passes the operator made in a step, from its own counters. Pure."""

from collections.abc import Mapping

_COUNT = "trifocal_reconcile_seconds_count"

Metrics = Mapping[str, float]
"""Samples by name and labels, as the exposition writes them."""


def made(before: Metrics, after: Metrics) -> int | None:
    """Passes of every outcome between two readings; None where the program counts none."""
    if not any(name.startswith(_COUNT) for name in after):
        return None
    return round(_sum(after) - _sum(before))


def _sum(metrics: Metrics) -> float:
    return sum(value for name, value in metrics.items() if name.startswith(_COUNT))
