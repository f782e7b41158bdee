"""How much more a steady load varies than chance alone would have it. Pure.

Requests that come independently of each other (Poisson) make a minute's count vary by its mean.
Real ones come in sessions, batches and retries: the variance is a multiple of the mean, the index
of dispersion (Cox and Lewis, "The Statistical Analysis of Series of Events", 1966). Without it
every second minute of such a load would look like a change of it.
"""

import numpy as np
from numpy.typing import NDArray

SPAN = 4
"""Buckets of a count, a minute: what comes together mostly comes within one."""
LATELY = 240
"""Buckets that are looked at, an hour: long against a change of the load, short against a day."""
LEAST_PAIRS = 9
"""Pairs of minutes with requests, below which nothing is said: ten minutes."""
_MEDIAN_OF_SQUARE = 0.455
"""Median of the square of a standard normal deviate: of chi-squared with one degree of freedom."""


def dispersion(rates: NDArray[np.float32], bucket_seconds: float) -> float | None:
    """Variance of the counts of a steady load over their mean, at least 1; None if unknown.

    For neighbouring counts a and b of the same mean, (a - b)^2 / (a + b) is the index of
    dispersion times a chi-squared deviate. The median of the pairs is taken, for which the few
    across a real change do not matter; a slow rise hardly shows between neighbours.

    Args:
        rates: Requests per second in each bucket, oldest first.
        bucket_seconds: Length of a bucket.
    """
    lately = rates[-LATELY:]
    spans = lately[len(lately) % SPAN :].reshape(-1, SPAN)
    counts = spans.sum(axis=1, dtype=np.float64) * bucket_seconds
    pairs = counts[1:] + counts[:-1]
    with_requests = pairs > 0
    if np.count_nonzero(with_requests) < LEAST_PAIRS:
        return None
    squares = np.diff(counts)[with_requests] ** 2 / pairs[with_requests]
    return max(float(np.median(squares)) / _MEDIAN_OF_SQUARE, 1.0)
