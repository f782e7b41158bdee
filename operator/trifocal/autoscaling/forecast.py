"""The arrival rate when pods that are ordered now will be ready: level, surge, margin. Pure.

    ahead = (level + surge that is due) * growth that was usual

- The level is the mean of the longest window that the newest does not contradict: chance is
  averaged out while nothing changes, and a jump is believed as soon as it is no chance.
- The surge is what followed the same phase of a period before (`season`).
- The growth is an upper quantile of how the rate one horizon later compared with what was
  expected: the past errors of this very forecast, so it makes no assumption on the load (split
  conformal prediction; Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005).

Until enough forecasts were judged there is none: then the load counts as staying what it is,
with the upper bound of what chance has added to or taken from the measurement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling import season
from trifocal.autoscaling.arrivals_history import BUCKET, Arrivals, Observation
from trifocal.autoscaling.dispersion import dispersion

WINDOWS = (1, 2, 4, 8, 16)
"""Buckets of the windows that a level is taken from: 15 s to 4 minutes."""
CONTRADICTION = 3.0
"""Standard deviations by which a shorter window must differ to be believed: chance does it in
one of four hundred. Chance as it is measured for this load (`dispersion`)."""
HELD_BUCKETS = 12
"""Window of the load that is held on to, 3 minutes: the largest of many short ones within a hold
would be the largest stroke of luck."""
QUANTILE = 0.7
"""Of the past growth: seven of ten times the load was below. What is beyond are jumps, which
cost more to be ready for at all times than they do harm; the hold is for those that come again."""
MOST_GROWTH = 1.08
"""Bound of the margin: a larger one is a jump that history cannot time."""
CHANCE = 1.28
"""Standard deviations of the upper bound without a forecast: 90 %."""
LEAST_JUDGED = 40
"""Forecasts that were judged before anything is learned from them: ten minutes."""
JUDGED_BUCKETS = 4
"""A forecast is judged by the mean over a minute: of a shorter window most is chance."""
LEARN_EVERY = 4
"""Buckets between two looks at the whole past: a look takes some 0.2 ms."""
LEAST_SURGE = 0.1
"""Of the level. A smaller one is within the margin; and one of less than CONTRADICTION is chance,
which would be foreseen in one bucket and not in the next."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The arrival rate, in requests per second."""

    level: float
    """Now, chance averaged out."""
    error: float
    """Standard deviation of the level: what chance usually adds to it or takes from it."""
    held: float
    """Over the last minutes: the load that replicas are held for."""
    ahead: float
    """Upper bound at the horizon; not below the level."""
    surge: float
    """Part of it that a period calls for; 0 without."""
    period_seconds: float
    """After which surges repeat; 0 when none do."""
    horizon_seconds: float
    learned: bool
    """Whether the past says anything; otherwise the bound is the measurement's own."""


def foresee(
    arrivals: Arrivals, requests_per_second: float, now: datetime, horizon_seconds: float
) -> tuple[Forecast, Arrivals]:
    """The forecast with the rate that was measured now, and the past with it.

    Args:
        arrivals: The past until now.
        requests_per_second: Measured over the last bucket's time.
        now: The end of that time.
        horizon_seconds: How long until what is ordered now serves.
    """
    newest = Observation(at=now, requests_per_second=requests_per_second)
    arrivals = arrivals.observe(newest, keep=(max(HELD_BUCKETS, WINDOWS[-1]) - 1) * BUCKET)
    rates = _back_from(arrivals.recent, now)
    level, seconds = _level(rates, arrivals.dispersion)
    lately = rates[:HELD_BUCKETS]
    steps = math.ceil(horizon_seconds / BUCKET.total_seconds())
    surge = _surge(arrivals, level, steps)
    if arrivals.due(now):
        arrivals = arrivals.close_bucket(
            now, rate=requests_per_second, level=level, expected=level + surge
        )
        arrivals = _learn(arrivals, steps)
    chance = CHANCE * math.sqrt(level / (min(len(rates), JUDGED_BUCKETS) * BUCKET.total_seconds()))
    margin = chance if arrivals.growth is None else level * (arrivals.growth - 1)
    forecast = Forecast(
        level=level,
        error=math.sqrt(arrivals.dispersion * level / seconds),
        held=sum(lately) / len(lately),
        ahead=level + margin + surge,
        surge=surge,
        period_seconds=arrivals.period * BUCKET.total_seconds(),
        horizon_seconds=horizon_seconds,
        learned=arrivals.growth is not None,
    )
    return forecast, arrivals


def _back_from(recent: Sequence[Observation], now: datetime) -> list[float]:
    """Rates of windows that lie side by side, newest first, as far as they were measured."""
    rates: list[float] = []
    for observation in reversed(recent):
        if observation.at <= now - len(rates) * BUCKET:
            if observation.at <= now - (len(rates) + 1) * BUCKET:
                break
            rates.append(observation.requests_per_second)
    return rates


def _level(rates: Sequence[float], varies: float) -> tuple[float, float]:
    """The mean of the longest window, unless a shorter one differs by more than chance.

    Returns:
        The mean, and the length of its window in seconds.
    """
    level = believed = 0.0
    for position, window in enumerate(reversed(WINDOWS)):
        part = rates[:window]
        seconds = len(part) * BUCKET.total_seconds()
        mean = sum(part) / len(part)
        chance = math.sqrt(varies * max(level, mean, 1 / seconds) / seconds)
        if position == 0 or abs(mean - level) > CONTRADICTION * chance:
            level, believed = mean, seconds
    return level, believed


def _surge(arrivals: Arrivals, level: float, steps: int) -> float:
    if not arrivals.period or len(arrivals.rates) <= steps:
        return 0.0
    found = season.surge(_errors(arrivals, steps), arrivals.period, steps)
    chance = math.sqrt(arrivals.dispersion * level / BUCKET.total_seconds())
    return found if found > max(LEAST_SURGE * level, CONTRADICTION * chance) else 0.0


def _errors(arrivals: Arrivals, steps: int) -> NDArray[np.float64]:
    """What each bucket's rate was above the level that was known one horizon earlier."""
    rates = arrivals.rates.values()[steps:]
    return (rates - arrivals.levels.values()[:-steps]).astype(np.float64)


def _learn(arrivals: Arrivals, steps: int) -> Arrivals:
    """Looks at the whole past now and then: how it varies, what repeats, what growth was usual."""
    count = len(arrivals.rates)
    phase = int(arrivals.ended_at.timestamp() / BUCKET.total_seconds()) if arrivals.ended_at else 0
    if phase % LEARN_EVERY:
        return arrivals
    varies = dispersion(arrivals.rates.values(), BUCKET.total_seconds())
    arrivals = replace(arrivals, dispersion=varies or arrivals.dispersion)
    if count < LEAST_JUDGED + steps + JUDGED_BUCKETS:
        return arrivals
    found = season.period(_errors(arrivals, steps), shortest=max(2 * steps, 8))
    return replace(arrivals, period=found, growth=_growth(arrivals, steps + 1))


def _growth(arrivals: Arrivals, steps: int) -> float:
    """The quantile of the ratio of rate to forecast, and the next larger of the sample."""
    sums = np.cumsum(arrivals.rates.values(), dtype=np.float64)
    minutes = (sums[JUDGED_BUCKETS:] - sums[:-JUDGED_BUCKETS]) / JUDGED_BUCKETS
    expected = arrivals.expected.values()[: len(arrivals.rates) - steps]
    judged = min(len(minutes), len(expected))
    ratios = minutes[-judged:] / np.maximum(expected[-judged:], 1 / BUCKET.total_seconds())
    rank = min(math.ceil((judged + 1) * QUANTILE), judged) - 1
    return min(max(float(np.partition(ratios, rank)[rank]), 1.0), MOST_GROWTH)
