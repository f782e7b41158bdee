"""The candidates of an optimization in words: which one won, and why each of the others lost."""

from collections.abc import Iterable, Iterator
from itertools import islice

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.size import file_size
from trifocal.api.status import CandidateStatus, EdgeArtifact
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.trouble import join, sentence

MAX_LOSSES = 5
"""Candidates whose loss is told in the message; status lists the others."""


def chosen_sentence(result: OptimizationResult, md: ModelDeployment) -> str:
    """Which candidates won with which figures, why others failed the gate, and what is doubtful."""
    served = md.spec.optimization.served.runtime
    chosen = next(
        (c for c in result.candidates if (c.name, c.target) == (result.chosen, served)), None
    )
    figures = _figures(chosen) if chosen else ""
    tried = len(result.candidates) + result.candidates_omitted
    return join(
        f"{result.chosen} was chosen of {tried} candidates{f' ({figures})' if figures else ''}.",
        *(_edge(edge) for edge in result.edges),
        *islice(_losses(result.candidates, md), MAX_LOSSES),
        *(f"Note: {sentence(note)}" for note in result.notes),
    )


def _figures(candidate: CandidateStatus) -> str:
    known = (
        candidate.accuracy is not None and f"accuracy {candidate.accuracy:.3f}",
        candidate.latency_milliseconds is not None and f"{candidate.latency_milliseconds:.3g} ms",
        candidate.size_bytes is not None and file_size(candidate.size_bytes),
    )
    return ", ".join(figure for figure in known if figure)


def _edge(edge: EdgeArtifact) -> str:
    alike = f"{100 * edge.parity:.1f} % alike, " if edge.parity is not None else ""
    return f"{edge.candidate} was chosen for {edge.runtime} ({alike}{file_size(edge.size_bytes)})."


def _losses(candidates: Iterable[CandidateStatus], md: ModelDeployment) -> Iterator[str]:
    optimization = md.spec.optimization
    gate = optimization.gate.accuracy
    metric = gate.metric_of(md.spec.model.task)
    for candidate in candidates:
        drop = candidate.accuracy_drop
        if candidate.verdict not in {"Lost", "Failed"}:
            continue
        name = candidate.name
        if candidate.target != optimization.served.runtime:
            name = f"{name} for {candidate.target}"
        if drop is not None and drop > gate.max_drop:
            points, limit = 100 * drop, 100 * gate.max_drop
            yield f"{name} lost {points:.1f} points of {metric} (limit {limit:.1f})."
        elif candidate.reason:
            yield sentence(f"{name}: {candidate.reason}")
