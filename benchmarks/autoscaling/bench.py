"""What the sections of the benchmark share: how much is played, by whom, and where it is kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from benchmarks.autoscaling.cases import Case, Results, faro, play_all
from benchmarks.autoscaling.goals import turns
from trifocal.autoscaling.simulation.table import row


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is played."""

    cold_starts: tuple[float, ...]
    """Seconds."""
    seeds: tuple[int, ...]
    faro_rows: int | None
    """None: all 360."""
    nab_rows: int
    shapes: tuple[str, ...]
    timed: str
    """The shape on which decisions are timed: the longer, the more history they have."""
    study_minutes: int
    """Of a steady load, for each number of pods."""
    study_requests: int
    """To a batcher, at each rate."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the sections share."""

    size: Size
    policies: tuple[str, ...]
    processes: int
    console: Console
    rows: list[dict[str, object]] = field(default_factory=list)
    """Everything that was played, for --json."""

    def recorded_jobs(self, cold_starts: Sequence[float]) -> list[Case]:
        """Faro's, at the bench's size; none, and a line, where the trace is not there."""
        try:
            return faro(cold_starts, self.size.seeds, self.size.faro_rows)
        except FileNotFoundError as error:
            self.console.print(f"skipped: {error.filename} is not there")
            return []

    def play(self, cases: Sequence[Case], policies: Sequence[str] = ()) -> list[Results]:
        """All policies, or these, on all cases."""
        played = policies or self.policies
        found = []
        with self._telling() as tell:
            for case, results in zip(
                cases, play_all(cases, played, self.processes, tell), strict=True
            ):
                self._keep(case, results)
                found.append(results)
        return found

    def _keep(self, case: Case, results: Results) -> None:
        of = {
            "load": case.name,
            "cold_start": case.setting.cold_start_seconds,
            "seed": case.seed,
        }
        self.rows.extend({**of, **row(one), "turns": turns(one)} for one in results.values())

    @contextmanager
    def _telling(self) -> Iterator[Callable[[str], None]]:
        """What is played now, on stderr if that is a terminal."""
        console = Console(stderr=True)
        if not console.is_terminal:
            yield lambda _task: None
            return
        with console.status("starting") as status:
            yield status.update
