"""Passes are counted over all outcomes."""

from benchmarks.reconcile.passes import made

OK = 'trifocal_reconcile_seconds_count{outcome="ok"}'
TRANSIENT = 'trifocal_reconcile_seconds_count{outcome="transient"}'


def test_all_outcomes_count() -> None:
    assert made({OK: 10.0}, {OK: 14.0, TRANSIENT: 3.0, "trifocal_leader": 1.0}) == 7


def test_a_new_process_begins_at_nothing() -> None:
    assert made({}, {OK: 4.0}) == 4


def test_another_program_counts_none() -> None:
    assert made({}, {"python_info": 1.0}) is None
