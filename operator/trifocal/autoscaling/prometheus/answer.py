"""Answers of Prometheus' HTTP API as typed series, its refusals as sentences. Pure.

The format is https://prometheus.io/docs/prometheus/latest/querying/api; Thanos, Mimir and
VictoriaMetrics answer in the same one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from trifocal.autoscaling.prometheus.collection import uncollected

Json = Mapping[str, Any]


class PrometheusError(Exception):
    """Why there is no answer: one sentence for users, with what to do about it."""


class Point(NamedTuple):
    """One value of a series."""

    at: float
    """Seconds since 1970. Of an instant vector this is the time of the query, not the sample's."""
    value: float
    """NaN where Prometheus says so."""


class Series(NamedTuple):
    """One series of an answer."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]
    """Oldest first; exactly one in an instant vector."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a query gave. No series is no value: never take it for zero."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    """Parts of the data may be missing: another store did not answer Prometheus in time."""


@uncollected()
def read_answer(body: bytes, url: str) -> Answer:
    """The series of an answer; `url` is for the sentence when there are none.

    Raises:
        PrometheusError: It is no answer of Prometheus, or one that says what was wrong.
    """
    answer = _envelope(body)
    if answer is None:
        raise PrometheusError(
            f"{url} answered with something that is not Prometheus' JSON. The URL must be that of "
            "the server's root, without /api/v1."
        )
    if answer["status"] != "success":
        raise PrometheusError(f"{url} refused the query: {refusal(body)}.")
    try:
        data = answer["data"]
        series = _READERS[data["resultType"]](data["result"])
    except (KeyError, TypeError, ValueError) as error:
        raise PrometheusError(
            f"{url} answered with something else than numbers ({error!r})."
        ) from error
    return Answer(series=series, warnings=tuple(map(str, answer.get("warnings") or ())))


def refusal(body: bytes) -> str:
    """What an answer with an error says of it; empty when it says nothing."""
    answer = _envelope(body) or {}
    said = f"{answer.get('errorType', '')}: {answer.get('error', '')}"
    return said.strip(": .")


def _envelope(body: bytes) -> Json | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and "status" in answer else None


def _vector(result: list[Json]) -> tuple[Series, ...]:
    return tuple([Series(each["metric"], (_point(*each["value"]),)) for each in result])


def _matrix(result: list[Json]) -> tuple[Series, ...]:
    return tuple(
        [Series(each["metric"], tuple(_point(*p) for p in each["values"])) for each in result]
    )


def _scalar(result: list[Any]) -> tuple[Series, ...]:
    return (Series({}, (_point(*result),)),)


def _point(at: float, value: str) -> Point:
    return Point(at, float(value))


_READERS = {"vector": _vector, "matrix": _matrix, "scalar": _scalar}
