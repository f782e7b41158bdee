"""What repeats: the period of a forecast's errors, and the surge that is due again. Pure.

A forecast that the load stays as it is errs at each surge. Where such errors repeat after a fixed
time - a job that a clock starts, a wave of visitors - their autocorrelation has a peak there, and
what came after the same time before is to be expected again.
"""

from statistics import median

import numpy as np
from numpy.typing import NDArray

LEAST_CORRELATION = 0.4
"""Of errors one period apart. Below, less than a sixth of their variance repeats."""
SIGNIFICANCE = 3.0
"""Standard deviations of the autocorrelation of pure chance. One is 1 / sqrt(pairs) for errors that
have nothing in common; forecasts over the same minutes err alike, which widens it (Bartlett 1946:
by the squares of the correlations at the lags within the horizon, both ways). The peak is the
largest of hundreds, which reaches 3 in a few of a hundred searches."""
CERTAIN = 0.8
"""Correlation that chance hardly ever reaches over two periods, however alike neighbours err: the
errors of a smooth wave do as well."""
NEARLY_AS_HIGH = 0.8
"""Multiples of a period correlate as well as itself: the shortest of the high peaks is taken."""
CYCLES = 5
"""Surges that the next one is the median of. One that stays away does not end them all."""


def period(errors: NDArray[np.float64], shortest: int) -> int:
    """Steps after which the errors repeat; 0 when they do not.

    At least two whole periods must have been seen.

    Args:
        errors: Of forecasts, one for each step, oldest first.
        shortest: What is below repeats within the horizon, and is no period.
    """
    longest = len(errors) // 2
    if longest <= shortest + 1:
        return 0
    correlation = _autocorrelation(errors)[: longest + 1]
    candidates = correlation[shortest:]
    peak = int(np.argmax(candidates))
    pairs = len(errors) - shortest - peak
    spread = np.sqrt((1 + 2 * np.sum(correlation[1:shortest] ** 2)) / pairs)
    if candidates[peak] < max(LEAST_CORRELATION, min(SIGNIFICANCE * spread, CERTAIN)):
        return 0
    first = int(np.argmax(candidates >= NEARLY_AS_HIGH * candidates[peak]))
    while first + 1 < len(candidates) and candidates[first + 1] > candidates[first]:
        first += 1
    return shortest + first


def surge(errors: NDArray[np.float64], repeats_after: int, ahead: int) -> float:
    """By how much the load `ahead` steps from now will exceed the level, as it did each time.

    The median of the last cycles, or the less of two; 0 unless two were seen. The step after is
    looked at too: a decision may come a whole step after the last error was known.
    """
    seen: list[float] = []
    for cycle in range(1, CYCLES + 1):
        at = len(errors) - 1 + ahead - cycle * repeats_after
        if at < 0 or at + 1 >= len(errors):
            continue
        seen.append(float(max(errors[at], errors[at + 1])))
    if len(seen) < 2:  # noqa: PLR2004 - what came once need not come again
        return 0.0
    usual = min(seen) if len(seen) == 2 else median(seen)  # noqa: PLR2004
    return max(usual, 0.0)


def _autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """At each lag, with the energy of the overlapping parts: 1 for what repeats exactly."""
    centred = values - values.mean()
    count = len(centred)
    spectrum = np.fft.rfft(centred, 1 << (2 * count - 1).bit_length())
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    energy = np.concatenate(([0.0], np.cumsum(centred**2)))
    overlap = np.sqrt((energy[count] - energy[:count]) * energy[count:0:-1])
    correlation: NDArray[np.float64] = products / np.maximum(overlap, 1e-9 * energy[count] + 1e-12)
    return correlation
