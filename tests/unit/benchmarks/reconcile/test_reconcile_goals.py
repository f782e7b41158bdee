"""The goals of scale, judged on made-up rows."""

from benchmarks.reconcile import goals, rows
from benchmarks.reconcile.rows import Row
from benchmarks.reconcile.writes import Writes


def _row(  # noqa: PLR0913 - each with a default, so that a test names what it is about
    step: str,
    *,
    size: int = 1000,
    program: str = "trifocal",
    objects: int = 1000,
    seconds: float = 10.0,
    children: int = 0,
    statuses: int = 0,
    cpu_seconds: float = 1.0,
    peak: float = 100.0,
    lag: float | None = None,
) -> Row:
    return Row(
        size=size,
        step=step,
        program=program,
        objects=objects,
        seconds=seconds,
        writes=Writes(children=children, statuses=statuses, events=0, refused=0),
        by_program={},
        cpu_seconds=cpu_seconds,
        rss_mib=peak,
        peak_rss_mib=peak,
        api_server_cpu_seconds=0.0,
        worst_lag_seconds=lag,
    )


def _met(*judged: Row) -> list[bool]:
    return [verdict.met for verdict in goals.verdicts(judged)]


def test_two_status_writes_per_create_are_enough_and_thirty_seconds_too_many() -> None:
    assert _met(_row("create", statuses=2000, seconds=29.9)) == [True, True]
    assert _met(_row("create", statuses=2001, seconds=30.0)) == [False, False]


def test_a_change_may_write_one_child_and_two_statuses() -> None:
    assert _met(_row("change", children=1000, statuses=2000)) == [True]
    assert _met(_row("change", children=1001, statuses=2000)) == [False]
    assert _met(_row("change", children=1000, statuses=2001)) == [False]


def test_a_restart_writes_nothing() -> None:
    assert _met(_row("restart", seconds=3.9)) == [True, True]
    assert _met(_row("restart", seconds=4.0, statuses=1)) == [False, False]


def test_rest_is_judged_by_cpu_time_over_time() -> None:
    assert _met(_row("idle", objects=0, seconds=60, cpu_seconds=0.35)) == [True]
    assert _met(_row("idle", objects=0, seconds=60, cpu_seconds=0.36)) == [False]


def test_the_first_pass_is_as_fast_as_four_fifths_of_the_prototype() -> None:
    bare = _row("first-pass", program="prototype", seconds=8.0, children=3000, statuses=1000)
    ours = _row("first-pass", seconds=10.0, children=6000, statuses=1000)
    slower = _row("first-pass", seconds=18.0, children=6000, statuses=1000)
    assert _met(bare, ours) == [True, True]
    assert _met(bare, slower) == [False, False]


def test_memory_and_growth_are_judged_where_there_are_most() -> None:
    many = _row("create", cpu_seconds=10)
    most = _row("create", size=5000, objects=5000, cpu_seconds=60, peak=299)
    assert _met(many, most) == [True, True, True, True, True]
    greedy = _row("create", size=5000, objects=5000, cpu_seconds=61, peak=300)
    assert _met(many, greedy) == [True, True, False, True, False]


def test_a_step_that_touches_nothing_shows_whole_counts() -> None:
    found = rows.as_json(_row("idle", objects=0, statuses=3))
    assert found["objectsPerSecond"] == 0
    assert found["writesPerObject"]["statuses"] == 3


def test_the_event_loop_may_be_a_quarter_of_a_second_late_in_any_step() -> None:
    assert _met(_row("statuses", lag=0.25), _row("delete", lag=0.01)) == [True]
    assert _met(_row("statuses", lag=0.01), _row("delete", lag=0.5)) == [False]
    assert _met(_row("delete", lag=None)) == []


def test_memory_may_grow_by_a_twentieth_after_three_rounds() -> None:
    warming = [_row("soak", peak=peak) for peak in (50.0, 80.0, 100.0)]
    assert _met(*warming) == []
    assert _met(*warming, _row("soak", peak=103.0), _row("soak", peak=105.0)) == [True]
    assert _met(*warming, _row("soak", peak=105.1)) == [False]
