"""What came of a load: answers, failures and latency. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from trifocal.cli.benchmark.summary import nearest_rank

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Sample:
    """One request. Times are seconds since the load began."""

    due: float
    ended: float
    failure: str | None = None
    """The exception's type and words."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Samples of some seconds, summed up."""

    seconds: float
    answered: int
    failures: tuple[str, ...]
    latency_milliseconds: dict[int, float]
    """By percentile, of answered requests; empty without any."""

    @property
    def answers_per_second(self) -> float:
        """Answered requests per second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    def sentence(self) -> str:
        """For people."""
        latency = ", ".join(f"p{p} {ms:.1f} ms" for p, ms in self.latency_milliseconds.items())
        return (
            f"{self.answered} answers in {self.seconds:.1f} s ({self.answers_per_second:.1f} per "
            f"second), {len(self.failures)} failed{', ' + latency if latency else ''}"
        )


def summed_up(samples: Sequence[Sample], seconds: float) -> Report:
    """The report on samples that ended within these seconds."""
    latencies = sorted((s.ended - s.due) * 1000 for s in samples if s.failure is None)
    return Report(
        seconds=seconds,
        answered=len(latencies),
        failures=tuple(s.failure for s in samples if s.failure is not None),
        latency_milliseconds={p: nearest_rank(latencies, p) for p in PERCENTILES if latencies},
    )
