"""Times by the clock, and `spec.scaling.schedules`: tighter bounds for replicas at such times."""

from datetime import datetime
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field

from trifocal.api.rule import Rule
from trifocal.api.schema import ApiModel

CRON_FIELDS = 5
"""Minute, hour, day of the month, month, day of the week: no seconds, no @daily."""
_ANY_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 - only asked whether the expression can be read


def _is_cron(text: str) -> bool:
    try:
        CronSim(text, _ANY_TIME)
    except CronSimError:
        return False
    return len(text.split()) == CRON_FIELDS


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, or a name that is no file
        return False
    return True


Cron = Annotated[
    str,
    Field(min_length=9, max_length=100),
    Rule(
        cel="",
        holds=_is_cron,
        says="must be a cron expression of five fields, such as 0 7 * * 1-5 for 7:00 on weekdays.",
    ),
]
TimeZone = Annotated[
    str,
    Field(min_length=1, max_length=100),
    Rule(
        cel="",
        holds=_is_time_zone,
        says="must be a time zone of the IANA database, such as Europe/Berlin or UTC.",
    ),
]
ScaledReplicas = Annotated[int, Field(ge=1, le=1000)]
LeastReplicas = Annotated[int, Field(ge=0, le=1000)]


BY_NAME = Field(
    max_length=20,
    json_schema_extra={
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    },
)
"""Of a field `schedules`: managers of one object may each own some of them."""
NAMES_DIFFER = Rule(
    cel="",  # The API server has list type map for it.
    holds=lambda it: len({one.name for one in it.schedules}) == len(it.schedules),
    says="two schedules have the same name; give each its own.",
    at=".schedules",
)


class Window(ApiModel):
    """The times from each that `start` names to the next that `end` names."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="What it is called in messages."
    )
    start: Cron = Field(description="Cron expression of the times from which on it is in force.")
    end: Cron = Field(description="Cron expression of the times at which it ends.")
    time_zone: TimeZone = Field(
        default="UTC",
        description="IANA time zone that both are meant in, daylight saving included.",
    )


class Schedule(Window):
    """Bounds that hold from each time that `start` names to the next that `end` names."""

    min_replicas: LeastReplicas | None = Field(
        default=None, description="Never fewer replicas than this meanwhile; at least 1."
    )
    max_replicas: ScaledReplicas | None = Field(
        default=None, description="Never more replicas than this meanwhile."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.minReplicas) || has(self.maxReplicas)",
            holds=lambda it: it.min_replicas is not None or it.max_replicas is not None,
            says="{name} changes nothing; set minReplicas, maxReplicas or both.",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="!has(self.minReplicas) || !has(self.maxReplicas) "
            "|| self.minReplicas <= self.maxReplicas",
            holds=lambda it: (
                it.min_replicas is None
                or it.max_replicas is None
                or it.min_replicas <= it.max_replicas
            ),
            says="minReplicas of {name} is more than its maxReplicas; lower the one or raise the "
            "other.",
            at=".minReplicas",
        ),
        Rule(
            cel="!has(self.minReplicas) || self.minReplicas > 0",
            holds=lambda it: it.min_replicas != 0,
            says="minReplicas of {name} is 0, and schedules only raise it; leave it out here, set "
            "spec.scaling.minReplicas to 0, and give schedules to the times at which pods must "
            "run.",
            at=".minReplicas",
        ),
    )
