"""The worst lateness of a step, read from cumulative buckets by hand."""

import math

from benchmarks.reconcile.lag import FAMILY, worst


def reading(within_10ms: int, within_250ms: int, all_of_them: int) -> dict[str, float]:
    counts = {"0.01": within_10ms, "0.25": within_250ms, "+Inf": all_of_them}
    buckets = {f'{FAMILY}_bucket{{le="{le}"}}': float(n) for le, n in counts.items()}
    return {**buckets, f"{FAMILY}_count": float(all_of_them), "trifocal_leader": 1.0}


def test_the_smallest_bucket_that_has_every_wake_up_of_the_step() -> None:
    assert worst(reading(5, 6, 6), reading(9, 10, 10)) == 0.01
    assert worst(reading(5, 6, 6), reading(8, 10, 10)) == 0.25
    assert worst(reading(5, 6, 6), reading(8, 9, 10)) == math.inf


def test_a_new_process_begins_at_nothing() -> None:
    assert worst({}, reading(3, 4, 4)) == 0.25


def test_a_program_without_that_histogram_says_nothing() -> None:
    assert worst({}, {"python_info": 1.0}) is None
    assert worst(reading(5, 6, 6), reading(5, 6, 6)) is None
