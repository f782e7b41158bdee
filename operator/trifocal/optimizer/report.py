"""What came out, for people and for status: a row for each candidate, and the whole report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trifocal.api.gate import Gate
from trifocal.api.status import CandidateStatus
from trifocal.api.target import Runtime
from trifocal.optimizer.contract import SOURCE, OptimizationResult
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.exploring import Exploration
from trifocal.optimizer.latency import Latency
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.search.forecast import family

DEFAULT_PERCENTILE = 99
"""Shown where the gate names none: what most latency objectives speak of."""

Verdict = Literal["Chosen", "Passed", "Lost", "Failed"]
_BEST_FIRST: tuple[Verdict, ...] = ("Chosen", "Passed", "Lost", "Failed")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of one candidate, and why. Figures that were never measured are None."""

    name: str
    target: Runtime
    verdict: Verdict
    reason: str
    evidence: Evidence | None = None
    latency: Latency | None = None
    size: int | None = None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None


def judgement_of(measured: Measured, target: Runtime, verdict: Verdict, reason: str) -> Judgement:
    """A verdict on a candidate that has been measured."""
    return Judgement(
        name=measured.name,
        target=target,
        verdict=verdict,
        reason=reason,
        evidence=measured.evidence,
        latency=measured.latency,
        size=measured.size,
        notes=measured.notes,
        facts=measured.facts,
    )


def candidate_statuses(
    judgements: Sequence[Judgement], gate: Gate, metric: str
) -> tuple[CandidateStatus, ...]:
    """The rows for status, best first; drops are against the source's row."""
    percentile = gate.latency.percentile if gate.latency else DEFAULT_PERCENTILE
    source = next((j.evidence for j in judgements if j.name == SOURCE and j.evidence), None)
    return tuple(_status(j, source, metric, percentile) for j in sorted(judgements, key=_rank))


def _rank(judgement: Judgement) -> tuple[bool, int, float]:
    """The source, the chosen ones, the others that passed by latency, those that lost or failed.

    Where there is no room for all, the last are left out.
    """
    passed = judgement.verdict == "Passed" and judgement.latency
    return (
        judgement.name != SOURCE,
        _BEST_FIRST.index(judgement.verdict),
        passed.typical if passed else 0.0,
    )


def _status(
    judgement: Judgement, source: Evidence | None, metric: str, percentile: int
) -> CandidateStatus:
    evidence = judgement.evidence
    accuracy = evidence.metrics[metric] if evidence else None
    drop = None if accuracy is None or source is None else source.metrics[metric] - accuracy
    latency = judgement.latency.percentiles[percentile] if judgement.latency else None
    return CandidateStatus(
        name=judgement.name,
        target=judgement.target,
        verdict=judgement.verdict,
        reason=judgement.reason[:1024],
        accuracy=_rounded(accuracy, 6),
        accuracy_drop=_rounded(drop, 6),
        agreement=_rounded(least_agreement(evidence), 6) if evidence else None,
        latency_milliseconds=_rounded(latency, 4),
        size_bytes=judgement.size,
    )


def least_agreement(evidence: Evidence) -> float:
    """With the source, on the whole dataset where it is smallest."""
    return min(row.share for row in evidence.agreement if row.slice is None)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def report_json(
    result: OptimizationResult,
    judgements: Sequence[Judgement],
    explorations: Sequence[Exploration],
    environment: Mapping[str, Any],
) -> bytes:
    """Every figure of every candidate, and what was not tried and why, indented for people."""
    body = {
        "schemaVersion": "trifocal.dev/report/v2",
        "result": result.model_dump(mode="json", by_alias=True, exclude_none=True),
        "environment": dict(environment),
        "candidates": [_detailed(judgement) for judgement in judgements],
        "search": [_searched(exploration) for exploration in explorations],
    }
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False, default=str).encode()


def _detailed(judgement: Judgement) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": judgement.name,
        "target": judgement.target,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "sizeBytes": judgement.size,
        "notes": list(judgement.notes),
        "facts": dict(judgement.facts or {}),
    }
    if judgement.evidence is not None:
        body["accuracy"] = _evidence(judgement.evidence)
    if judgement.latency is not None:
        percentiles = judgement.latency.percentiles
        body["latencyMilliseconds"] = {f"p{p}": value for p, value in percentiles.items()}
        body["typicalMilliseconds"] = judgement.latency.typical
        body["roundQuartilesMilliseconds"] = list(judgement.latency.round_quartiles)
    return body


def _evidence(evidence: Evidence) -> dict[str, Any]:
    first, *_ = evidence.tally.metrics
    return {
        "items": evidence.items,
        "metrics": evidence.metrics,
        "groups": [
            {
                "kind": group.kind,
                "name": group.name,
                "items": group.items,
                first: evidence.measure(first, group),
            }
            for group in evidence.groups()
        ],
        "agreement": [
            {"dataset": row.dataset, "slice": row.slice, "items": row.items, "share": row.share}
            for row in evidence.agreement
        ],
        "notFinite": evidence.answers.not_finite,
    }


def _searched(exploration: Exploration) -> dict[str, Any]:
    return {
        "target": exploration.runtime,
        "grid": len(exploration.recipes),
        "tried": [trial.recipe.name for trial in exploration.trials],
        "notTried": {
            recipe.name: _why_not(exploration, family(recipe)) for recipe in exploration.untried
        },
    }


def _why_not(exploration: Exploration, kin: Any) -> str:
    if kin in exploration.unbuildable:
        return exploration.unbuildable[kin]
    forecast = exploration.forecasts.get(kin)
    if forecast is None:
        return "not reached"
    return (
        f"forecast {forecast.milliseconds:.3f} ms, {forecast.milliseconds_per_image:.3f} ms for "
        f"each image of a full batch, {forecast.size} bytes: not better than what had passed, or "
        f"the search was over"
    )
