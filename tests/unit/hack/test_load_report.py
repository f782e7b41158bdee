"""Sums over samples; expected values by hand."""

import pytest

from hack.load.report import Sample, summed_up
from trifocal.cli.benchmark.summary import nearest_rank


@pytest.mark.parametrize(
    ("percentile", "value"), [(5, 15), (30, 20), (40, 20), (50, 35), (100, 50)]
)
def test_nearest_rank(percentile: int, value: int) -> None:
    """The worked example of Wikipedia's article "Percentile", section on the nearest rank."""
    assert nearest_rank([15, 20, 35, 40, 50], percentile) == value


def test_latency_is_of_answers_only_and_failures_keep_their_words() -> None:
    samples = [Sample(0.0, 0.010), Sample(0.0, 9.0, "OSError: x"), Sample(1.0, 1.030)]
    report = summed_up(samples, 2.0)
    assert (report.answered, report.answers_per_second) == (2, 1.0)
    assert report.failures == ("OSError: x",)
    assert report.latency_milliseconds == pytest.approx({50: 10.0, 95: 30.0, 99: 30.0})


def test_without_answers_there_is_no_latency() -> None:
    report = summed_up([], 5.0)
    assert report.latency_milliseconds == {}
    assert report.sentence() == "0 answers in 5.0 s (0.0 per second), 0 failed"
