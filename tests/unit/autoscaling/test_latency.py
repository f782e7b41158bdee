"""The share of late requests, by hand arithmetic; percentiles are tested with the signal."""

import math
from collections.abc import Sequence

import pytest

from trifocal.autoscaling.latency import late_share
from trifocal.triton.exposition import LatencyHistogram, ModelSamples

NOTHING = ModelSamples(failure={}, request_quantiles_microseconds={})


def pod(*buckets: tuple[float, float], refused: float = 0) -> ModelSamples:
    return ModelSamples(
        failure={"REJECTED": refused},
        request_quantiles_microseconds={},
        latency=LatencyHistogram(buckets=buckets, sum_milliseconds=0),
    )


def test_the_bucket_that_ends_at_the_limit_tells_the_exact_share() -> None:
    """Of 100 new answers 97 took less than 50 ms, whatever the other edges are."""
    before = pod((10, 300), (50, 900), (math.inf, 1000))
    after = pod((10, 300), (50, 997), (math.inf, 1100))
    assert late_share([(before, after)], 50) == pytest.approx(0.03)


def test_requests_of_all_pods_count_and_refused_ones_are_late() -> None:
    """90 + 8 answers in time, 2 + 0 late, 0 + 100 refused: 102 of 200 missed."""
    busy = pod((50, 90), (math.inf, 92))
    refusing = pod((50, 8), (math.inf, 8), refused=100)
    share = late_share([(NOTHING, busy), (NOTHING, refusing)], 50)
    assert share == pytest.approx(0.51)


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param([(NOTHING, pod((40, 1), (60, 2), (math.inf, 2)))], id="no edge there"),
        pytest.param([(pod((50, 7), (math.inf, 9)),) * 2], id="no traffic"),
        pytest.param([(NOTHING, NOTHING)], id="no histogram"),
        pytest.param([], id="no pod"),
    ],
)
def test_what_is_not_exact_is_unknown(pods: Sequence[tuple[ModelSamples, ModelSamples]]) -> None:
    assert late_share(pods, 50) is None
