"""Built-in loads: their levels by hand, and chance that repeats."""

import numpy as np
import pytest

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


@pytest.mark.parametrize("name", SHAPES)
def test_same_seed_same_load(name: str) -> None:
    one, same, other = (synthetic(name, seed).jobs[name] for seed in (7, 7, 8))

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_counts_are_whole_and_poisson() -> None:
    counts = synthetic("silence", 7).jobs["silence"]
    busy = np.concatenate([counts[:60], counts[120:]])

    assert np.array_equal(counts, np.floor(counts))
    assert not counts[60:120].any()
    # A Poisson variable of mean 1800 has a deviation of 42.4; the mean of 120 one of 3.9.
    assert abs(busy.mean() - PEAK_REQUESTS) < 5 * 3.9
    assert 0.5 < busy.var() / PEAK_REQUESTS < 1.6


def test_unknown_shape() -> None:
    with pytest.raises(KeyError):
        synthetic("earthquake", 7)
