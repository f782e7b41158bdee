"""What came out, for people and for status: a row for each candidate, and the whole report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from trifocal.api.optimization import Gate
from trifocal.api.status import CandidateStatus
from trifocal.optimizer.contract import OptimizationResult
from trifocal.optimizer.measured import Measured

DEFAULT_PERCENTILE = 99
"""Shown where the gate names none: what most latency objectives speak of."""

Verdict = Literal["Chosen", "Passed", "Lost", "Failed"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of one candidate, and why. `measured` is None where it could not be run."""

    name: str
    verdict: Verdict
    reason: str
    measured: Measured | None = None


def candidate_status(judgement: Judgement, source: Measured | None, gate: Gate) -> CandidateStatus:
    """The row for status."""
    measured = judgement.measured
    if measured is None:
        return CandidateStatus(
            name=judgement.name, verdict=judgement.verdict, reason=judgement.reason[:1024]
        )
    metric = gate.accuracy.metric
    percentile = gate.latency.percentile if gate.latency else DEFAULT_PERCENTILE
    accuracy = measured.accuracy.metrics[metric]
    reference = source.accuracy.metrics[metric] if source else accuracy
    return CandidateStatus(
        name=judgement.name,
        verdict=judgement.verdict,
        reason=judgement.reason[:1024],
        accuracy=round(accuracy, 6),
        accuracy_drop=round(reference - accuracy, 6),
        latency_milliseconds=round(measured.latency.percentiles[percentile], 4),
        size_bytes=measured.size,
    )


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
    }
    if judgement.measured is None:
        return body
    latency = judgement.measured.latency
    return body | {
        "sizeBytes": judgement.measured.size,
        "accuracy": asdict(judgement.measured.accuracy),
        "latencyMilliseconds": {f"p{p}": value for p, value in latency.percentiles.items()},
        "roundMediansMilliseconds": list(latency.round_medians),
    }
