"""Which of the candidates that passed the gate is served, and why the others are not. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trifocal.api.size import file_size
from trifocal.optimizer.latency import noise_between
from trifocal.optimizer.measured import Measured

Preference = Literal["latency", "size", "accuracy"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The winner and the reasons."""

    name: str
    reason: str
    others: Mapping[str, str]
    """Why each other candidate is not the winner."""


def choose(passed: Sequence[Measured], prefer: Preference, metric: str) -> Choice:
    """Best of the candidates, which are given in order of simplicity: on a tie the first wins.

    Differences of latency below the measured noise are no differences; then the smaller file
    wins, because it starts faster and costs less to keep.
    """
    if prefer == "size":
        smallest = min(candidate.size for candidate in passed)
        winner = _fastest([c for c in passed if c.size == smallest])
        return _explained(passed, winner, lambda c: _size_reason(c, winner))
    if prefer == "accuracy":
        best = max(candidate.accuracy.metrics[metric] for candidate in passed)
        equal = [c for c in passed if c.accuracy.metrics[metric] == best]
        winner = _fastest(equal)
        return _explained(passed, winner, lambda c: _accuracy_reason(c, winner, metric))
    winner = _fastest(passed)
    return _explained(passed, winner, lambda c: _latency_reason(c, winner))


def _fastest(candidates: Sequence[Measured]) -> Measured:
    leader = min(candidates, key=lambda candidate: candidate.latency.typical)
    tied = [
        candidate
        for candidate in candidates
        if candidate.latency.typical - leader.latency.typical
        <= noise_between(candidate.latency, leader.latency)
    ]
    return min(tied, key=lambda candidate: candidate.size)


def _explained(
    passed: Sequence[Measured], winner: Measured, why_not: Callable[[Measured], str]
) -> Choice:
    others = [candidate for candidate in passed if candidate is not winner]
    leader = min(passed, key=lambda candidate: candidate.latency.typical)
    if not others:
        reason = "the only candidate that passed the gate"
    elif winner is leader:
        reason = f"lowest typical latency, {winner.latency.typical:.3f} ms"
    else:
        gap = winner.latency.typical - leader.latency.typical
        noise = noise_between(winner.latency, leader.latency)
        standing = "as fast as" if gap <= noise else f"{gap:.2f} ms slower than"
        reason = (
            f"{standing} {leader.name} ({winner.latency.typical:.2f} and "
            f"{leader.latency.typical:.2f} ms, noise {noise:.2f} ms)"
        )
    return Choice(
        name=winner.name,
        reason=f"{reason}; {file_size(winner.size)}",
        others={candidate.name: why_not(candidate) for candidate in others},
    )


def _latency_reason(candidate: Measured, winner: Measured) -> str:
    gap = candidate.latency.typical - winner.latency.typical
    noise = noise_between(candidate.latency, winner.latency)
    if gap > noise:
        return f"{gap:.2f} ms slower than {winner.name} ({candidate.latency.typical:.2f} ms)"
    larger = candidate.size - winner.size
    compared = f"its file is {file_size(larger)} larger" if larger > 0 else "it changes more"
    return f"no faster than {winner.name} within the noise of {noise:.2f} ms, and {compared}"


def _size_reason(candidate: Measured, winner: Measured) -> str:
    larger = candidate.size - winner.size
    if larger == 0:
        return _latency_reason(candidate, winner)
    return f"its file is {file_size(larger)} larger than {winner.name}'s"


def _accuracy_reason(candidate: Measured, winner: Measured, metric: str) -> str:
    lost = winner.accuracy.metrics[metric] - candidate.accuracy.metrics[metric]
    if lost == 0:
        return _latency_reason(candidate, winner)
    return f"its {metric} is {lost:.4f} below {winner.name}'s"
