"""Events as people read them: the same ones together, the newest last. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from trifocal.api.names import short_hash
from trifocal.reconcile.children import instant
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.trouble import sentence


@dataclass(frozen=True, kw_only=True)
class Report:
    """An event, as often as it was seen."""

    at: datetime
    """When it was last seen."""
    subject: str
    """Kind and name of what it is about."""
    type: str
    """Normal or Warning."""
    reason: str
    message: str
    count: int = 1


def reports(events: Iterable[Manifest]) -> list[Report]:
    """Events, the same ones together, the newest last."""
    found: dict[str, Report] = {}
    for event in events:
        report = _report(event)
        key = short_hash([report.subject, report.reason, report.message])
        before = found.get(key)
        count = report.count + (before.count if before else 0)
        at = max(report.at, before.at) if before else report.at
        found[key] = replace(report, at=at, count=count)
    return sorted(found.values(), key=lambda report: report.at)


def _report(event: Manifest) -> Report:
    about, series = event["involvedObject"], event.get("series") or {}
    last = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"]["creationTimestamp"]
    )
    return Report(
        at=instant(str(last)),
        subject=f"{about.get('kind')} {about.get('name')}",
        type=str(event.get("type", "Normal")),
        reason=str(event.get("reason", "")),
        message=sentence(str(event.get("message", ""))),
        count=int(series.get("count") or event.get("count") or 1),
    )
