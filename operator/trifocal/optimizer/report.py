"""What came out, for people and for status: a row for each candidate, and the whole report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from trifocal.api.optimization import Gate
from trifocal.api.status import CandidateStatus
from trifocal.optimizer.contract import OptimizationResult
from trifocal.optimizer.latency import Latency
from trifocal.optimizer.measured import SOURCE, Measured
from trifocal.optimizer.tasks.task import Accuracy

DEFAULT_PERCENTILE = 99
"""Shown where the gate names none: what most latency objectives speak of."""

Verdict = Literal["Chosen", "Passed", "Lost", "Failed"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of one candidate, and why. Figures that were never measured are None."""

    name: str
    verdict: Verdict
    reason: str
    accuracy: Accuracy | None = None
    latency: Latency | None = None
    size: int | None = None


def judgement_of(measured: Measured, verdict: Verdict, reason: str) -> Judgement:
    """A verdict on a candidate that has been measured."""
    return Judgement(
        name=measured.name,
        verdict=verdict,
        reason=reason,
        accuracy=measured.accuracy,
        latency=measured.latency,
        size=measured.size,
    )


def candidate_statuses(judgements: Sequence[Judgement], gate: Gate) -> tuple[CandidateStatus, ...]:
    """The rows for status; drops are against the source's row."""
    metric = gate.accuracy.metric
    percentile = gate.latency.percentile if gate.latency else DEFAULT_PERCENTILE
    source = next((j.accuracy for j in judgements if j.name == SOURCE and j.accuracy), None)
    return tuple(_status(j, source, metric, percentile) for j in judgements)


def _status(
    judgement: Judgement, source: Accuracy | None, metric: str, percentile: int
) -> CandidateStatus:
    accuracy = judgement.accuracy.metrics[metric] if judgement.accuracy else None
    drop = None if accuracy is None or source is None else source.metrics[metric] - accuracy
    latency = judgement.latency.percentiles[percentile] if judgement.latency else None
    return CandidateStatus(
        name=judgement.name,
        verdict=judgement.verdict,
        reason=judgement.reason[:1024],
        accuracy=_rounded(accuracy, 6),
        accuracy_drop=_rounded(drop, 6),
        latency_milliseconds=_rounded(latency, 4),
        size_bytes=judgement.size,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def report_json(
    result: OptimizationResult,
    judgements: Sequence[Judgement],
    environment: Mapping[str, Any],
) -> bytes:
    """Every figure of every candidate, indented for people."""
    body = {
        "schemaVersion": "trifocal.dev/report/v1",
        "result": result.model_dump(mode="json", by_alias=True, exclude_none=True),
        "environment": dict(environment),
        "candidates": [_detailed(judgement) for judgement in judgements],
    }
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False).encode()


def _detailed(judgement: Judgement) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": judgement.name,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "sizeBytes": judgement.size,
    }
    if judgement.accuracy is not None:
        body["accuracy"] = asdict(judgement.accuracy)
    if judgement.latency is not None:
        percentiles = judgement.latency.percentiles
        body["latencyMilliseconds"] = {f"p{p}": value for p, value in percentiles.items()}
        body["typicalMilliseconds"] = judgement.latency.typical
        body["roundQuartilesMilliseconds"] = list(judgement.latency.round_quartiles)
    return body
