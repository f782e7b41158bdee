"""The forecast against loads whose future is known: constant, line, jump, surges, and chance."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trifocal.autoscaling.arrivals_history import Arrivals, Series
from trifocal.autoscaling.forecast import CHANCE, MOST_GROWTH, Forecast, foresee

START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = 40.0
BUCKET = 15


def foretold(
    rate: Callable[[float], float], seconds: int, horizon: float = HORIZON
) -> list[Forecast]:
    """One forecast at the end of each bucket, which had this mean rate."""
    arrivals, forecasts = Arrivals(), []
    for at in range(BUCKET, seconds + 1, BUCKET):
        forecast, arrivals = foresee(arrivals, rate(at), START + timedelta(seconds=at), horizon)
        forecasts.append(forecast)
    return forecasts


def test_without_a_past_the_bound_is_that_of_chance() -> None:
    """One bucket of 20/s holds 300 requests, known to sqrt(300) = 17: 1.15/s."""
    first = foretold(lambda _: 20.0, BUCKET)[0]
    assert not first.learned
    assert first.level == 20.0
    assert first.ahead == pytest.approx(20 + CHANCE * math.sqrt(20 / 15))


def test_a_constant_load_needs_no_margin_once_it_was_watched() -> None:
    last = foretold(lambda _: 20.0, 3600)[-1]
    assert last.learned
    assert (last.level, last.held, last.ahead, last.surge) == (20.0, 20.0, 20.0, 0.0)


def test_a_rising_line_gets_the_growth_that_it_had() -> None:
    """1 % a minute: 4 minutes lag by 112.5 s, and the horizon's minute is 30 s to 45 s on."""
    last = foretold(lambda at: 50 * math.exp(0.01 * at / 60), 3600)[-1]
    assert last.ahead == pytest.approx(last.level * math.exp(0.01 * 2.4), rel=0.005)


def test_growth_is_bounded_by_what_history_can_time() -> None:
    last = foretold(lambda at: 5 * math.exp(0.5 * at / 60), 1800)[-1]
    assert last.ahead == pytest.approx(last.level * MOST_GROWTH)


def test_a_jump_is_the_level_at_once_and_chance_is_not() -> None:
    """100/s over 15 s are known to 2.6/s: 150 is a jump, 105 is chance, a 16th of it counts."""
    jump = foretold(lambda at: 100.0 if at < 600 else 150.0, 600)[-1]
    chance = foretold(lambda at: 100.0 if at < 600 else 105.0, 600)[-1]
    assert jump.level == 150.0
    assert chance.level == pytest.approx(100 + 5 / 16)


def test_what_is_held_for_is_the_mean_of_three_minutes() -> None:
    held = foretold(lambda at: 10.0 if at < 600 else 22.0, 600)[-1].held
    assert held == pytest.approx(10 + 12 / 12)


def test_a_surge_every_fifteen_minutes_is_foreseen_from_the_third_on() -> None:
    """A minute of 20/s instead of 10: expected, a horizon of three buckets before it comes."""

    def rate(at: float) -> float:
        return 20.0 if at % 900 > 840 else 10.0

    forecasts = foretold(rate, 4 * 900)
    before = [f for at, f in enumerate(forecasts, 1) if (at * BUCKET) % 900 in (825, 840)]
    assert [round(f.surge) for f in before[:2]] == [0, 0]
    assert [round(f.surge) for f in before[-4:]] == [10, 10, 10, 10]
    assert before[-1].period_seconds == 900
    calm = [f for at, f in enumerate(forecasts, 1) if 200 < (at * BUCKET) % 900 < 700]
    assert {f.surge for f in calm} == {0.0}


@pytest.mark.parametrize(("busy", "foreseen"), [(12.0, 0.0), (13.0, 3.0)])
def test_a_surge_within_chance_is_not_foreseen(busy: float, foreseen: float) -> None:
    """At 10/s chance makes 15 s vary by sqrt(10 / 15) = 0.82/s: three times as much is 2.45/s."""
    forecasts = foretold(lambda at: busy if at % 900 > 840 else 10.0, 4 * 900)
    assert forecasts[-1].period_seconds == 900
    last = [f.surge for at, f in enumerate(forecasts, 1) if at * BUCKET == 4 * 900 - 75]
    assert last == [pytest.approx(foreseen)]


def test_a_daily_wave_is_anticipated() -> None:
    """A sine of 48 minutes, far above chance: in its rise the forecast lies ahead of the level."""

    def rate(at: float) -> float:
        return 100 + 60 * math.sin(2 * math.pi * at / 2880)

    forecasts = foretold(rate, 4 * 2880, horizon=300.0)
    at = 3 * 2880 + 45
    forecast = forecasts[at // BUCKET - 1]
    assert forecast.period_seconds == pytest.approx(2880, abs=30)
    assert forecast.ahead >= rate(at + 300)


def test_seven_of_ten_minutes_of_a_poisson_load_stay_below_the_bound() -> None:
    """The quantile holds for loads that stay alike, whatever they are: here pure chance."""
    counts = np.random.default_rng(3).poisson(20 * BUCKET, 1440) / BUCKET
    forecasts = foretold(lambda at: float(counts[int(at) // BUCKET - 1]), 1440 * BUCKET)
    below = [
        counts[end : end + 4].mean() <= forecast.ahead
        for end, forecast in enumerate(forecasts[:-8], 4)
        if forecast.learned
    ]
    assert len(below) > 1300
    assert 0.6 <= sum(below) / len(below) <= 0.8


def test_silence_is_a_level_of_zero() -> None:
    last = foretold(lambda at: 30.0 if at < 1200 else 0.0, 1500)[-1]
    assert (last.level, last.ahead, last.held) == (0.0, 0.0, 0.0)


def test_time_without_measurements_is_filled_and_after_five_minutes_forgotten() -> None:
    arrivals, now = Arrivals(), START
    for step in range(4):
        now = START + step * timedelta(seconds=BUCKET)
        _, arrivals = foresee(arrivals, 10.0 + step, now, HORIZON)
    _, filled = foresee(arrivals, 30.0, now + timedelta(seconds=4 * BUCKET), HORIZON)
    assert list(filled.rates.values()[-5:]) == [13.0, 11.5, 11.5, 11.5, 30.0]
    _, anew = foresee(arrivals, 30.0, now + timedelta(seconds=23 * BUCKET), HORIZON)
    assert list(anew.rates.values()) == [30.0]


def test_memory_is_bounded_at_six_hours() -> None:
    series = Series()
    for value in range(1500):
        series = series.followed_by(float(value))
    assert len(series) == 1440
    assert (series[0 - 1], series[-1440]) == (1499.0, 60.0)
