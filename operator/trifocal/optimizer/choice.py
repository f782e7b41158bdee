"""Which of the candidates that passed the gate wins, and why the others do not. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trifocal.api.optimization import Preference
from trifocal.api.size import file_size
from trifocal.optimizer.latency import Latency, noise_between
from trifocal.optimizer.measured import Measured


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The winner and the reasons."""

    name: str
    reason: str
    others: Mapping[str, str]
    """Why each other candidate is not the winner."""


@dataclass(frozen=True, kw_only=True)
class _Stopwatch:
    """The latency that counts, and its name."""

    of: Callable[[Measured], Latency]
    named: str


_ONE_IMAGE = _Stopwatch(of=lambda candidate: candidate.latency, named="typical latency")
_FULL_BATCH = _Stopwatch(of=lambda candidate: candidate.full_batch, named="time of a full batch")


def choose(passed: Sequence[Measured], prefer: Preference, metric: str) -> Choice:
    """Best of the candidates, which are given in order of simplicity: on a tie the first wins.

    Differences of latency below the measured noise are no differences; then the smaller file
    wins, because it starts faster and costs less to keep. Most images per second and least
    processor time per image are the same candidate: all have the same processors.
    """
    watch = _FULL_BATCH if prefer in {"throughput", "cost"} else _ONE_IMAGE
    if prefer == "size":
        smallest = min(candidate.size for candidate in passed)
        winner = _fastest([c for c in passed if c.size == smallest], watch)
        return _explained(passed, winner, watch, lambda c: _size_reason(c, winner, watch))
    if prefer == "accuracy":
        best = max(candidate.evidence.metrics[metric] for candidate in passed)
        equal = [c for c in passed if c.evidence.metrics[metric] == best]
        winner = _fastest(equal, watch)
        return _explained(passed, winner, watch, lambda c: _accuracy_reason(c, winner, metric))
    winner = _fastest(passed, watch)
    return _explained(passed, winner, watch, lambda c: _latency_reason(c, winner, watch))


def _fastest(candidates: Sequence[Measured], watch: _Stopwatch) -> Measured:
    leader = min(candidates, key=lambda candidate: watch.of(candidate).typical)
    tied = [
        candidate
        for candidate in candidates
        if watch.of(candidate).typical - watch.of(leader).typical
        <= noise_between(watch.of(candidate), watch.of(leader))
    ]
    return min(tied, key=lambda candidate: candidate.size)


def _explained(
    passed: Sequence[Measured],
    winner: Measured,
    watch: _Stopwatch,
    why_not: Callable[[Measured], str],
) -> Choice:
    others = [candidate for candidate in passed if candidate is not winner]
    leader = min(passed, key=lambda candidate: watch.of(candidate).typical)
    own, best = watch.of(winner), watch.of(leader)
    if not others:
        reason = "the only candidate that passed the gate"
    elif winner is leader:
        reason = f"lowest {watch.named}, {own.typical:.3f} ms"
    else:
        gap, noise = own.typical - best.typical, noise_between(own, best)
        standing = "as fast as" if gap <= noise else f"{gap:.2f} ms slower than"
        reason = (
            f"{standing} {leader.name} ({own.typical:.2f} and {best.typical:.2f} ms, "
            f"noise {noise:.2f} ms)"
        )
    return Choice(
        name=winner.name,
        reason=f"{reason}; {file_size(winner.size)}",
        others={candidate.name: why_not(candidate) for candidate in others},
    )


def _latency_reason(candidate: Measured, winner: Measured, watch: _Stopwatch) -> str:
    own, best = watch.of(candidate), watch.of(winner)
    gap, noise = own.typical - best.typical, noise_between(own, best)
    if gap > noise:
        return f"{gap:.2f} ms slower than {winner.name} ({own.typical:.2f} ms)"
    larger = candidate.size - winner.size
    compared = f"its file is {file_size(larger)} larger" if larger > 0 else "it changes more"
    return f"no faster than {winner.name} within the noise of {noise:.2f} ms, and {compared}"


def _size_reason(candidate: Measured, winner: Measured, watch: _Stopwatch) -> str:
    larger = candidate.size - winner.size
    if larger == 0:
        return _latency_reason(candidate, winner, watch)
    return f"its file is {file_size(larger)} larger than {winner.name}'s"


def _accuracy_reason(candidate: Measured, winner: Measured, metric: str) -> str:
    lost = winner.evidence.metrics[metric] - candidate.evidence.metrics[metric]
    if lost == 0:
        return _latency_reason(candidate, winner, _ONE_IMAGE)
    return f"its {metric} is {lost:.4f} below {winner.name}'s"
