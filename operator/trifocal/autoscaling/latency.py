"""Measured latency: a percentile, and the share of requests that were later than a limit. Pure.

Histograms add up over pods, so percentiles and shares are those of all requests; summaries do not,
so the worst pod speaks for all. Requests that Triton refused because they had waited too long are
in no histogram, and count as later than every answer: they missed any objective.
"""

import math
from collections.abc import Mapping, Sequence

from trifocal.triton.exposition import LatencyHistogram, ModelSamples

REJECTED = "REJECTED"
"""Triton's failure reason for requests that waited longer than the queue timeout."""

Grown = tuple[ModelSamples, ModelSamples]
"""What one pod had counted at the start of a time, and at its end."""


def latency_milliseconds(pods: Sequence[Grown], percentile: int) -> float | None:
    """The percentile over all pods; None without traffic, or when Triton reports none.

    Linear within a bucket, as Prometheus' histogram_quantile; above the last edge, that edge.
    """
    if counts := _increase(pods):
        return _percentile(counts, percentile)
    quantiles = [
        value / 1000
        for _, after in pods
        for quantile, value in after.request_quantiles_microseconds.items()
        if math.isclose(quantile * 100, percentile) and not math.isnan(value)
    ]
    return max(quantiles, default=None)


def late_share(pods: Sequence[Grown], limit_milliseconds: float) -> float | None:
    """The exact share of requests that took the limit or longer, or were refused.

    None without traffic, and where no bucket ends at the limit: between edges it would be a guess.
    Trifocal gives its Triton an edge at the objective, which is exact for whole milliseconds.
    """
    counts = _increase(pods)
    total = counts.get(math.inf, 0.0)
    if total <= 0 or limit_milliseconds not in counts:
        return None
    return 1 - counts[limit_milliseconds] / total


def _increase(pods: Sequence[Grown]) -> Mapping[float, float]:
    """Requests by the edge that they took less than; empty when no pod has a histogram."""
    if not any(after.latency for _, after in pods):
        return {}
    increase: dict[float, float] = {}
    for before, after in pods:
        earlier = _counts(before.latency)
        for edge, count in _counts(after.latency).items():
            increase[edge] = increase.get(edge, 0.0) + count - earlier.get(edge, 0.0)
        refused = after.failure.get(REJECTED, 0.0) - before.failure.get(REJECTED, 0.0)
        increase[math.inf] = increase.get(math.inf, 0.0) + refused
    return increase


def _counts(histogram: LatencyHistogram | None) -> Mapping[float, float]:
    return dict(histogram.buckets) if histogram else {}


def _percentile(counts: Mapping[float, float], percentile: int) -> float | None:
    total = counts.get(math.inf, 0.0)
    if total <= 0:
        return None
    rank = total * percentile / 100
    lower_edge = lower_count = 0.0
    for edge, count in sorted(counts.items()):
        if count >= rank:
            if math.isinf(edge):
                return lower_edge
            return lower_edge + (edge - lower_edge) * (rank - lower_count) / (count - lower_count)
        lower_edge, lower_count = edge, count
    return lower_edge
