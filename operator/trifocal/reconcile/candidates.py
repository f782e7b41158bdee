"""The candidates of an optimization in words: which one won, and why each of the others lost."""

from collections.abc import Iterable

from trifocal.api.optimization import AccuracyGate
from trifocal.api.size import file_size
from trifocal.api.status import CandidateStatus
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.trouble import join, sentence


def chosen_sentence(result: OptimizationResult, gate: AccuracyGate) -> str:
    """Which candidate is served with which figures, and why those that failed the gate did."""
    chosen = next((c for c in result.candidates if c.name == result.chosen), None)
    figures = _figures(chosen) if chosen else ""
    return join(
        f"{result.chosen} was chosen of {len(result.candidates)} candidates"
        f"{f' ({figures})' if figures else ''}.",
        *_losses(result.candidates, gate),
    )


def _figures(candidate: CandidateStatus) -> str:
    known = (
        candidate.accuracy is not None and f"accuracy {candidate.accuracy:.3f}",
        candidate.latency_milliseconds is not None and f"{candidate.latency_milliseconds:.3g} ms",
        candidate.size_bytes is not None and file_size(candidate.size_bytes),
    )
    return ", ".join(figure for figure in known if figure)


def _losses(candidates: Iterable[CandidateStatus], gate: AccuracyGate) -> Iterable[str]:
    for candidate in candidates:
        drop = candidate.accuracy_drop
        if candidate.verdict not in {"Lost", "Failed"}:
            continue
        if drop is not None and drop > gate.max_drop:
            points, limit = 100 * drop, 100 * gate.max_drop
            yield f"{candidate.name} lost {points:.1f} points of {gate.metric} (limit {limit:.1f})."
        elif candidate.reason:
            yield sentence(f"{candidate.name}: {candidate.reason}")
