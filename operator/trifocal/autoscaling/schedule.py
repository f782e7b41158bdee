"""Which schedules run, when that changes, and the bounds that they leave. Pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from trifocal.api.scaling import ScalingSpec
from trifocal.api.schedule import Window


def in_force(scaling: ScalingSpec, now: datetime) -> ScalingSpec:
    """The spec with the bounds that hold now.

    Of several schedules the largest minReplicas and the smallest maxReplicas count; where these
    contradict each other, minReplicas: capacity that was asked for comes before cost.
    """
    running = [schedule for schedule in scaling.schedules if is_running(schedule, now)]
    if not running:
        return scaling
    least = max([scaling.min_replicas, *(s.min_replicas for s in running if s.min_replicas)])
    most = min([scaling.max_replicas, *(s.max_replicas for s in running if s.max_replicas)])
    return scaling.model_copy(update={"min_replicas": least, "max_replicas": max(least, most)})


def is_running(schedule: Window, now: datetime) -> bool:
    """Whether it started after it last ended; at the very time of `start` it runs."""
    minute = now.replace(second=0, microsecond=0)
    started, ended = (
        _last(cron, schedule.time_zone, minute) for cron in (schedule.start, schedule.end)
    )
    return started is not None and (ended is None or started > ended)


def next_change(schedule: Window, now: datetime) -> datetime | None:
    """The next time at which it starts or ends, in UTC; None if not within 50 years."""
    minute = now.replace(second=0, microsecond=0)
    times = (_next(cron, schedule.time_zone, minute) for cron in (schedule.start, schedule.end))
    return min((time for time in times if time is not None), default=None)


@lru_cache(maxsize=4096)
def _last(cron: str, time_zone: str, minute: datetime) -> datetime | None:
    """The latest time that the expression names, this minute included; None if 50 years ago.

    Cron knows whole minutes only, and an expression may have to be followed back for years: it
    is looked up once a minute, not at each decision. The zone has to be told apart: one moment
    in two zones is equal to Python, and not to cron.
    """
    # cronsim looks for earlier times only.
    following = minute.astimezone(ZoneInfo(time_zone)) + timedelta(seconds=1)
    return next(CronSim(cron, following, reverse=True), None)


@lru_cache(maxsize=4096)
def _next(cron: str, time_zone: str, minute: datetime) -> datetime | None:
    """The first time after this minute that the expression names; None if 50 years from now."""
    found = next(CronSim(cron, minute.astimezone(ZoneInfo(time_zone))), None)
    return None if found is None else found.astimezone(UTC)
