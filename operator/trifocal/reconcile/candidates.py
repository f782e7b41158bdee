"""The candidates of an optimization in words: which one won, and why each of the others lost."""

from collections.abc import Iterable

from trifocal.api.status import CandidateStatus
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.trouble import join, sentence


def chosen_sentence(result: OptimizationResult) -> str:
    """Which candidate is served with which figures, and why those that failed the gate did."""
    chosen = next((c for c in result.candidates if c.name == result.chosen), None)
    figures = _figures(chosen) if chosen else ""
    return join(
        f"{result.chosen} was chosen of {len(result.candidates)} candidates"
        f"{f' ({figures})' if figures else ''}.",
        *_losses(result.candidates),
    )


def _figures(candidate: CandidateStatus) -> str:
    known = (
        candidate.accuracy is not None and f"accuracy {candidate.accuracy:.3f}",
        candidate.latency_milliseconds is not None and f"{candidate.latency_milliseconds:.3g} ms",
        candidate.size_bytes is not None and f"{candidate.size_bytes / 2**20:.1f} MiB",
    )
    return ", ".join(figure for figure in known if figure)


def _losses(candidates: Iterable[CandidateStatus]) -> Iterable[str]:
    for candidate in candidates:
        if candidate.verdict in {"Lost", "Failed"} and candidate.reason:
            yield sentence(f"{candidate.name} {candidate.reason}")
