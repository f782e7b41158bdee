"""Measured candidates made of plain numbers."""

from pathlib import Path

from tests.support.evidence import agreed, classified
from trifocal.optimizer.latency import PERCENTILES, Latency
from trifocal.optimizer.measured import Measured

ITEMS = 100
"""Images that each candidate was judged on."""


def latency(median: float, *, tail: float | None = None, jitter: float = 0.0) -> Latency:
    """Rounds that alternate by `jitter` around the median; p90 and above are `tail`."""
    high = median if tail is None else tail
    return Latency(
        percentiles={p: median if p == 50 else high for p in PERCENTILES},
        round_quartiles=tuple(median + jitter * (-1) ** number for number in range(12)),
    )


def measured(  # noqa: PLR0913 - each with a default, so that a test names what it is about
    name: str,
    *,
    top1: float = 0.9,
    median: float = 2.0,
    tail: float | None = None,
    jitter: float = 0.0,
    size: int = 1000,
    full_batch: float | None = None,
) -> Measured:
    """`top1` in whole hundredths; `full_batch` in milliseconds, unset: that of one image."""
    hits = round(top1 * ITEMS)
    single = latency(median, tail=tail, jitter=jitter)
    return Measured(
        name=name,
        path=Path(name),
        size=size,
        evidence=classified(
            [number < hits for number in range(ITEMS)], agreement=[agreed(1.0, ITEMS)]
        ),
        latency=single,
        full_batch=single if full_batch is None else latency(full_batch),
    )
