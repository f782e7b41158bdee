"""Built-in loads: their levels by hand, and chance that repeats."""

import numpy as np
import pytest

from trifocal.autoscaling.simulation.arrivals import draw
from trifocal.autoscaling.simulation.synthetic import PEAK_REQUESTS, SHAPES, synthetic


@pytest.mark.parametrize(
    ("name", "minute", "share"),
    [
        ("diurnal", 0, 0.1),
        ("diurnal", 360, 0.55),
        ("diurnal", 720, 1.0),
        ("diurnal", 1440 + 720, 1.0),
        ("step", 59, 0.25),
        ("step", 60, 1.0),
        ("step", 180, 0.25),
        ("sawtooth", 59, 1.0),
        ("sawtooth", 60, 0.2),
        ("silence", 60, 0.0),
        ("silence", 119, 0.0),
        ("silence", 120, 1.0),
    ],
)
def test_level_at_a_minute(name: str, minute: int, share: float) -> None:
    assert SHAPES[name].shares[minute] == pytest.approx(share)


def test_the_flash_is_five_times_as_high() -> None:
    shares = SHAPES["flash5x"].shares

    assert max(shares) / min(shares) == pytest.approx(5)
    assert shares.count(max(shares)) == 10


def test_counts_are_poisson_at_the_size_that_is_played() -> None:
    trace = synthetic("silence").times(4)

    arrivals = draw(trace, "silence", seed=7).arrivals

    counts = np.histogram(arrivals, bins=180, range=(0, trace.seconds))[0]
    busy = np.concatenate([counts[:60], counts[120:]])
    assert not counts[60:120].any()
    # A Poisson variable of mean 7200 has a deviation of 84.9; the mean of 120 one of 7.7.
    assert abs(busy.mean() - 4 * PEAK_REQUESTS) < 5 * 7.7
    assert 0.5 < busy.var() / busy.mean() < 1.6


def test_unknown_shape() -> None:
    with pytest.raises(KeyError):
        synthetic("earthquake")
