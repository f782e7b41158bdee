"""Scaling a trace, by arithmetic."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.trace import Trace, TraceError, busy_replicas

SETTING = replace(FARO, fixed_seconds=0.1, item_seconds=0.05, max_batch=4)
TRACE = Trace(
    jobs={"small": np.array([0.0, 30.0]), "large": np.array([600.0, 60.0])}, step_seconds=300
)


def test_it_lasts_as_long_as_its_steps() -> None:
    assert TRACE.seconds == 600


def test_played_faster_the_same_requests_come_in_less_time() -> None:
    faster = TRACE.faster(5)
    assert faster.step_seconds == 60
    assert faster.seconds == 120
    assert faster.jobs["large"].tolist() == [600, 60]


@pytest.mark.parametrize("time_scale", [0, -1, float("nan"), float("inf")])
def test_a_time_scale_must_be_positive(time_scale: float) -> None:
    with pytest.raises(TraceError, match="times as fast, not"):
        TRACE.faster(time_scale)


def test_a_pod_in_full_batches_of_four_executes_them_in_three_tenths_of_a_second() -> None:
    """0.1 + 4 x 0.05 s for 4 requests: 40 requests/s keep 3 pods busy."""
    assert busy_replicas(40, SETTING) == pytest.approx(3)


def test_the_peak_of_the_busiest_job_is_scaled_to_the_replicas() -> None:
    """600 requests in 300 s keep 2 x 0.075 = 0.15 pods busy; for 30 it takes 200 times as many."""
    scaled = TRACE.with_peak(30, SETTING)
    assert scaled.jobs["large"] == pytest.approx([120_000, 12_000])
    assert scaled.jobs["small"] == pytest.approx([0, 6_000])
    assert scaled.step_seconds == 300


def test_silence_cannot_be_scaled_to_a_peak() -> None:
    with pytest.raises(TraceError, match="No job has any requests"):
        TRACE.times(0).with_peak(30, SETTING)
