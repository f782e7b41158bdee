"""Measured candidates made of plain numbers."""

from pathlib import Path

from trifocal.optimizer.latency import PERCENTILES, Latency
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.tasks.task import Accuracy


def accuracy(top1: float, *, items: int = 100, not_finite: int = 0) -> Accuracy:
    return Accuracy(
        items=items, metrics={"top1": top1, "top5": min(1.0, top1 + 0.1)}, not_finite=not_finite
    )


def latency(median: float, *, tail: float | None = None, jitter: float = 0.0) -> Latency:
    """Rounds that alternate by `jitter` around the median; p90 and above are `tail`."""
    high = median if tail is None else tail
    return Latency(
        percentiles={p: median if p == 50 else high for p in PERCENTILES},
        round_quartiles=tuple(median + jitter * (-1) ** number for number in range(12)),
    )


def measured(
    name: str,
    *,
    top1: float = 0.9,
    median: float = 2.0,
    tail: float | None = None,
    jitter: float = 0.0,
    size: int = 1000,
) -> Measured:
    return Measured(
        name=name,
        path=Path(name),
        size=size,
        accuracy=accuracy(top1),
        latency=latency(median, tail=tail, jitter=jitter),
    )
