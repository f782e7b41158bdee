"""Which bounds are in force now: the spec's, tightened by its schedules. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from trifocal.api.scaling import ScalingSpec
from trifocal.api.schedule import Schedule


def in_force(scaling: ScalingSpec, now: datetime) -> ScalingSpec:
    """The spec with the bounds that hold now.

    Of several schedules the largest minReplicas and the smallest maxReplicas count; where these
    contradict each other, minReplicas: capacity that was asked for comes before cost.
    """
    running = [schedule for schedule in scaling.schedules if is_running(schedule, now)]
    lower = max((s.min_replicas or 1 for s in running), default=1)
    upper = min((s.max_replicas or scaling.max_replicas for s in running), default=None)
    least = max(scaling.min_replicas, lower)
    most = min(scaling.max_replicas, upper or scaling.max_replicas)
    return scaling.model_copy(update={"min_replicas": least, "max_replicas": max(least, most)})


def is_running(schedule: Schedule, now: datetime) -> bool:
    """Whether it started after it last ended; at the very time of `start` it runs."""
    here = now.astimezone(ZoneInfo(schedule.time_zone))
    started, ended = _last(schedule.start, here), _last(schedule.end, here)
    return started is not None and (ended is None or started > ended)


def _last(cron: str, now: datetime) -> datetime | None:
    """The latest time that the expression names, the present included; None if 50 years ago."""
    # cronsim looks for earlier times only, and cron knows no parts of seconds.
    following = now.replace(microsecond=0) + timedelta(seconds=1)
    return next(CronSim(cron, following, reverse=True), None)
