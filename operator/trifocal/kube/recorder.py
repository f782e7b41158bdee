"""Kubernetes Events (events.k8s.io/v1) about a ModelDeployment, aggregated and rate-limited.

The same event again within the series window raises a count instead of making an object. Each
object may have a burst of new events and then one in a while, as client-go's spam filter.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from trifocal.kube.client import Kube, Manifest
from trifocal.kube.errors import ApiError
from trifocal.kube.kinds import EVENT

CONTROLLER = "trifocal.dev/operator"
SERIES_WINDOW = timedelta(minutes=6)
"""Equal events this close are one series; client-go's finish time for a series."""
BURST = 25
REFILL = timedelta(minutes=5)
"""Per object: 25 events, then one every 5 minutes, as client-go's EventSourceObjectSpamFilter."""
REMEMBERED = 4096
"""Objects and series kept in memory, as client-go's event cache."""
MAX_NOTE_BYTES = 1024
"""The API server's limit for an event's note."""

_URL_SECRETS = re.compile(r"(?P<scheme>\w+://)(?:[^\s/@]+@)?(?P<place>[^\s?'\"]*)\?[^\s'\"]*")
_URL_USER = re.compile(r"(\w+://)[^\s/@]+@")


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """Something that happened to an object."""

    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    note: str


@dataclass
class _Series:
    manifest: dict[str, Any]
    count: int
    last: datetime


@dataclass
class _Allowance:
    tokens: float
    at: datetime


class Recorder:
    """Posts events; a failure is logged and never fails the caller."""

    def __init__(self, kube: Kube, *, instance: str, now: Callable[[], datetime]) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now
        self._series: OrderedDict[tuple[str, Occurrence], _Series] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._log = structlog.get_logger(__name__)

    async def record(self, regarding: Manifest, occurrence: Occurrence) -> None:
        """Post one event, count it in its series, or drop it when there are too many."""
        now = self._now()
        uid = regarding["metadata"]["uid"]
        series = self._series.get((uid, occurrence))
        if series is not None and now - series.last < SERIES_WINDOW:
            await self._count(series, now)
        elif self._allow(uid, now):
            await self._start(regarding, occurrence, now)

    async def _count(self, series: _Series, now: datetime) -> None:
        series.count += 1
        series.last = now
        series.manifest["series"] = {"count": series.count, "lastObservedTime": micro_time(now)}
        await self._post(series.manifest)

    async def _start(self, regarding: Manifest, occurrence: Occurrence, now: datetime) -> None:
        manifest = _manifest(regarding, occurrence, self._instance, now)
        self._series[regarding["metadata"]["uid"], occurrence] = _Series(manifest, 1, now)
        if len(self._series) > REMEMBERED:
            self._series.popitem(last=False)
        await self._post(manifest)

    def _allow(self, uid: str, now: datetime) -> bool:
        allowance = self._allowances.setdefault(uid, _Allowance(float(BURST), now))
        self._allowances.move_to_end(uid)
        if len(self._allowances) > REMEMBERED:
            self._allowances.popitem(last=False)
        allowance.tokens = min(float(BURST), allowance.tokens + (now - allowance.at) / REFILL)
        allowance.at = now
        if allowance.tokens < 1:
            return False
        allowance.tokens -= 1
        return True

    async def _post(self, manifest: Manifest) -> None:
        try:
            await self._kube.apply(manifest)
        except ApiError as error:
            self._log.warning("event not recorded", reason=manifest["reason"], error=str(error))


def _manifest(
    regarding: Manifest, occurrence: Occurrence, instance: str, now: datetime
) -> dict[str, Any]:
    metadata = regarding["metadata"]
    suffix = f"{int(now.timestamp() * 1e6):x}"
    return {
        "apiVersion": EVENT.api_version,
        "kind": "Event",
        "metadata": {"namespace": metadata["namespace"], "name": f"{metadata['name']}.{suffix}"},
        "eventTime": micro_time(now),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": occurrence.action,
        "type": occurrence.type,
        "reason": occurrence.reason,
        "note": without_secrets(occurrence.note).encode()[:MAX_NOTE_BYTES].decode(errors="ignore"),
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }


def micro_time(when: datetime) -> str:
    """A time as the API writes a MicroTime."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def without_secrets(text: str) -> str:
    """The text with the credentials of its URLs (user info, signed queries) taken out."""
    return _URL_USER.sub(r"\1", _URL_SECRETS.sub(r"\g<scheme>\g<place>", text))
