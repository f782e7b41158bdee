"""The benchmark of a scaling pass: its pods speak as a real one, and loads are what they say."""

import pytest
from benchmarks.scaling_pass import (
    ANSWERED,
    TEXT,
    Load,
    from_memory,
    moving,
    six_hours,
    steady,
    text_of,
)

from trifocal.triton.exposition import parse


def test_a_pod_says_what_the_real_one_said_in_proportion_under_its_own_name() -> None:
    real, twice = parse(TEXT)["small"], parse(text_of(7, 2 * ANSWERED))["model-7"]
    assert twice.success == 2 * real.success
    assert twice.compute_infer_microseconds == 2 * real.compute_infer_microseconds
    assert twice.request_quantiles_microseconds == real.request_quantiles_microseconds


def test_the_loops_memory_is_full() -> None:
    assert len(six_hours(0, pods=4).rates) * 15 == 6 * 3600


@pytest.mark.parametrize(("load", "reason"), [(steady, "(Steady 48)"), (moving, "MoreLoad")])
async def test_steady_loads_are_decided_steady_and_moving_ones_are_not(
    load: Load, reason: str
) -> None:
    assert reason in await from_memory(load, (4, 4))
