"""How sure a difference in accuracy is: paired confidence intervals. Pure."""

import math
from dataclasses import dataclass

import numpy as np

from trifocal.optimizer.evidence import Evidence

_Z = 1.959963984540054
"""Standard normal quantile of 97.5 %: intervals of 95 %."""
_RESAMPLES = 100
"""Standard errors within 7 %, so that an interval of a point is one of 0.93 to 1.07."""
_SEED = 20251125
"""Fixed: the same evidence gets the same interval."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Items by what two models made of them."""

    both: int
    """Both right."""
    first: int
    """Only the first."""
    second: int
    neither: int


def difference(candidate: Evidence, source: Evidence, metric: str) -> tuple[float, float]:
    """95 % interval of candidate minus source; both saw the same items."""
    own, reference = candidate.tally.hits(metric), source.tally.hits(metric)
    if own is None or reference is None:
        return _bootstrap(candidate, source, metric)
    return newcombe(
        Pairs(
            both=int((own & reference).sum()),
            first=int((own & ~reference).sum()),
            second=int((reference & ~own).sum()),
            neither=int((~own & ~reference).sum()),
        )
    )


def comparison(candidate: Evidence, source: Evidence, metric: str) -> str:
    """One sentence: better, worse, or not distinguishable, with the interval in points."""
    low, high = difference(candidate, source, metric)
    own = candidate.tally.measure(metric) - source.tally.measure(metric)
    interval = f"95 % interval {_points(low)} to {_points(high)} points on {candidate.items} images"
    if low <= 0 <= high:
        return f"{metric} is not distinguishable from the source's ({interval})"
    word = "above" if own > 0 else "below"
    return f"{metric} is {abs(own) * 100:.1f} points {word} the source's ({interval})"


def newcombe(pairs: Pairs) -> tuple[float, float]:
    """95 % interval of the first's share of right items minus the second's.

    Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10: Wilson intervals of the two
    shares, combined with a correlation that is corrected for continuity.
    """
    both, first, second, neither = pairs.both, pairs.first, pairs.second, pairs.neither
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    (low1, high1), (low2, high2) = wilson(both + first, n), wilson(both + second, n)
    phi = _correlation(pairs, n)
    below = _combined(p1 - low1, high2 - p2, phi)
    above = _combined(high1 - p1, p2 - low2, phi)
    return p1 - p2 - below, p1 - p2 + above


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z2 = _Z * _Z
    middle = (2 * successes + z2) / (2 * (trials + z2))
    inner = z2 + 4 * successes * (1 - successes / trials)
    half = _Z * math.sqrt(inner) / (2 * (trials + z2))
    return middle - half, middle + half


def _correlation(pairs: Pairs, n: int) -> float:
    margins = (
        (pairs.both + pairs.first)
        * (pairs.second + pairs.neither)
        * (pairs.both + pairs.second)
        * (pairs.first + pairs.neither)
    )
    if margins == 0:
        return 0.0
    product = pairs.both * pairs.neither - pairs.first * pairs.second
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)


def _combined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _bootstrap(candidate: Evidence, source: Evidence, metric: str) -> tuple[float, float]:
    """The difference and 1.96 standard errors either way, these from resampled items."""
    random = np.random.default_rng(_SEED)
    n = candidate.items
    found = []
    for _ in range(_RESAMPLES):
        weights = random.multinomial(n, np.full(n, 1 / n)).astype(np.float64)
        found.append(
            candidate.tally.measure(metric, weights) - source.tally.measure(metric, weights)
        )
    seen = candidate.tally.measure(metric) - source.tally.measure(metric)
    error = float(np.nanstd(found))  # a sample without any true box says nothing
    return seen - _Z * error, seen + _Z * error


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"
