"""Bounds by the clock: when a schedule runs, and what several make together."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trifocal.api.scaling import ScalingSpec
from trifocal.autoscaling.schedule import in_force, is_running, next_change

OFFICE = {"name": "office", "start": "0 7 * * 1-5", "end": "0 19 * * 1-5", "minReplicas": 4}
BERLIN = ZoneInfo("Europe/Berlin")


def scaling(*schedules: dict[str, Any], **fields: Any) -> ScalingSpec:
    """From 1 to 20 replicas unless fields say otherwise."""
    bounds = {"minReplicas": 1, "maxReplicas": 20, **fields}
    objective = {"latency": {"maxMilliseconds": 50}}
    return ScalingSpec.model_validate(
        {**bounds, "objective": objective, "schedules": list(schedules)}
    )


def bounds(spec: ScalingSpec, now: datetime) -> tuple[int, int]:
    """What is in force."""
    found = in_force(spec, now)
    return found.min_replicas, found.max_replicas


@pytest.mark.parametrize(
    ("local", "runs"),
    [
        ("2026-11-27T06:59:59.999999", False),  # a Friday
        ("2026-11-27T07:00:00", True),
        ("2026-11-27T18:59:59", True),
        ("2026-11-27T19:00:00", False),
        ("2026-11-28T12:00:00", False),  # Saturday: it ended on Friday
        ("2026-11-30T07:00:01", True),
    ],
)
def test_it_runs_from_its_start_until_its_end_in_its_own_time_zone(local: str, runs: bool) -> None:
    (schedule,) = scaling({**OFFICE, "timeZone": "Europe/Berlin"}).schedules
    there = datetime.fromisoformat(local).replace(tzinfo=BERLIN)

    assert is_running(schedule, there.astimezone(ZoneInfo("UTC"))) is runs


def test_seven_in_the_morning_stays_seven_when_clocks_change() -> None:
    daily = {**OFFICE, "start": "0 7 * * *", "end": "0 19 * * *", "timeZone": "Europe/Berlin"}
    (schedule,) = scaling(daily).schedules
    utc = ZoneInfo("UTC")

    # Central European Time is UTC+1, summer time, from 29 March 2026 on, UTC+2.
    assert not is_running(schedule, datetime(2026, 3, 28, 5, 30, tzinfo=utc))
    assert is_running(schedule, datetime(2026, 3, 29, 5, 30, tzinfo=utc))


def test_one_moment_is_judged_in_each_zone_by_itself() -> None:
    evening = datetime(2026, 11, 27, 18, 30, tzinfo=ZoneInfo("UTC"))  # 19:30 in Berlin
    (there,) = scaling({**OFFICE, "timeZone": "Europe/Berlin"}).schedules
    (here,) = scaling(OFFICE).schedules

    assert (is_running(there, evening), is_running(here, evening)) == (False, True)


def test_over_midnight() -> None:
    (night,) = scaling({**OFFICE, "start": "0 22 * * *", "end": "0 6 * * *"}).schedules
    utc = ZoneInfo("UTC")

    assert is_running(night, datetime(2026, 11, 27, 23, 0, tzinfo=utc))
    assert is_running(night, datetime(2026, 11, 28, 5, 59, tzinfo=utc))
    assert not is_running(night, datetime(2026, 11, 28, 6, 0, tzinfo=utc))


def test_bounds_tighten_only_while_a_schedule_runs() -> None:
    spec = scaling({**OFFICE, "maxReplicas": 8}, minReplicas=2)
    utc = ZoneInfo("UTC")

    assert bounds(spec, datetime(2026, 11, 27, 12, tzinfo=utc)) == (4, 8)
    assert bounds(spec, datetime(2026, 11, 28, 12, tzinfo=utc)) == (2, 20)


def test_of_several_the_tightest_counts_and_capacity_comes_before_cost() -> None:
    always = {"start": "* * * * *", "end": "0 0 1 1 *"}
    spec = scaling(
        {"name": "a", **always, "minReplicas": 3},
        {"name": "b", **always, "minReplicas": 6},
        {"name": "c", **always, "maxReplicas": 5},
        {"name": "d", **always, "maxReplicas": 9},
    )

    assert bounds(spec, datetime(2026, 11, 28, 12, 0, 30, tzinfo=ZoneInfo("UTC"))) == (6, 6)


def test_an_expression_that_never_came_due_never_runs() -> None:
    (leap,) = scaling({**OFFICE, "start": "0 0 29 2 1", "end": "* * * * *"}).schedules

    assert not is_running(leap, datetime(2026, 11, 28, tzinfo=ZoneInfo("UTC")))


@pytest.mark.parametrize(
    ("local", "then"),
    [
        ("2026-11-27T06:59:59.5", "2026-11-27T07:00:00"),  # a Friday
        ("2026-11-27T07:00:00", "2026-11-27T19:00:00"),
        ("2026-11-27T19:00:30", "2026-11-30T07:00:00"),
        # The clocks go forward on Sunday, 29 March, and Monday begins an hour earlier in UTC.
        ("2026-03-27T19:00:00", "2026-03-30T07:00:00"),
    ],
)
def test_the_next_change_is_the_next_start_or_end(local: str, then: str) -> None:
    (schedule,) = scaling({**OFFICE, "timeZone": "Europe/Berlin"}).schedules
    now = datetime.fromisoformat(local).replace(tzinfo=BERLIN)

    assert next_change(schedule, now) == datetime.fromisoformat(then).replace(tzinfo=BERLIN)


def test_at_its_next_change_a_schedule_does_change() -> None:
    """Through a year, both clock changes included."""
    night = {"name": "night", "start": "30 2 * * *", "end": "0 6 * * *", "minReplicas": 2}
    (schedule,) = scaling({**night, "timeZone": "Europe/Berlin"}).schedules
    now = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("UTC"))
    for _ in range(730):
        after = next_change(schedule, now)
        assert after is not None
        assert after > now
        assert is_running(schedule, after) is not is_running(schedule, now)
        now = after
