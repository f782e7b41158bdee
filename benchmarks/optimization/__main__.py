"""Real models on every target: accuracy, latency, size, what was chosen and why not.

Per model and target, timed in turns in one run: the source in ONNX Runtime, what Trifocal's
automatic search found, what its full grid found, and the plain recipes of
onnxruntime.quantization, litert-quantizer and torchao. Everything is judged by the same gate.
TensorRT's engines are built and not run: see engines.py.

    make bench-optimization
    uv run --frozen --extra extended python -m benchmarks.optimization --models digits pages

A large model's grid takes hours. With --keep, a run that was interrupted is started again with the
same words and goes on: its store has the candidates that were made and what they showed.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.optimization.comparison import Entrant, Row, compare, judges_of
from benchmarks.optimization.engines import engine_rows
from benchmarks.optimization.goals import goals, line
from benchmarks.optimization.muted import muted
from benchmarks.optimization.requests import request_for, store_in
from benchmarks.optimization.zoo import digits, emotions, faces, pages, people, text
from benchmarks.optimization.zoo.model import ZooModel
from trifocal.api.optimization import Search
from trifocal.api.target import SERVED, Runtime
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.artifacts.store import Store, open_store
from trifocal.optimizer.backends import backends_for
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult
from trifocal.optimizer.finishing import FILES
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.sources import place_of

ZOO: dict[str, Callable[[Path], ZooModel]] = {
    "digits": digits.prepare,
    "pages": pages.prepare,
    "faces": faces.prepare,
    "emotions": emotions.prepare,
    "text": text.prepare,
    "people": people.prepare,
}
RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "litert", "executorch")


@dataclass(frozen=True, kw_only=True)
class Searched:
    """One optimization."""

    search: Search
    seconds: float
    trials: dict[str, int]
    """By target."""
    grid: dict[str, int]
    result: OptimizationResult


def main() -> int:
    """Run, print, and write the JSON; 0 unless an optimization failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=list(ZOO), default=list(ZOO))
    parser.add_argument("--targets", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    parser.add_argument("--no-grid", action="store_true", help="the automatic search alone")
    parser.add_argument("--json", type=Path, help="file for every row")
    parser.add_argument("--keep", type=Path, help="folder for the work, to go on in another run")
    options = parser.parse_args()
    if not SERVED.intersection(options.targets):
        parser.error("a model is served by onnxruntime: name it in --targets, too")
    console = Console(width=180, highlight=False)
    rows: list[Row] = []
    failed = False
    for name in options.models:
        with working_in(options.keep, name) as folder:
            try:
                new = run(name, options.targets, folder, console, grid=not options.no_grid)
            except RuntimeError as error:
                console.print(f"[red]{name}: {error}[/red]")
                failed = True
            else:
                console.print(table(new))
                rows += new
    for goal in goals(rows):
        console.print(line(goal))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return int(failed)


@contextmanager
def working_in(kept: Path | None, name: str) -> Iterator[Path]:
    """A model's own folder in the one that is kept, or a temporary one."""
    if kept is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
        return
    folder = kept / name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def run(
    name: str, runtimes: Sequence[Runtime], folder: Path, console: Console, *, grid: bool
) -> list[Row]:
    """All targets of one model."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    with muted():
        model = ZOO[name](data)
    console.print(f"[bold]{name}[/bold]: {model.truth}")
    store = open_store(place_of(store_in(folder)))
    searches: tuple[Search, ...] = ("auto", "grid") if grid else ("auto",)
    found = []
    for search in searches:
        with muted():
            one = _optimized(request_for(model, runtimes, folder, search=search), store, folder)
        found.append(one)
        console.print(f"  {one.search}: {one.seconds:.0f} s, trials {one.trials} of {one.grid}")
        for note in one.result.notes:
            console.print(f"    {note}")
    with muted(), tempfile.TemporaryDirectory(dir=folder) as scratch:
        return _compared(model, request_for(model, runtimes, folder), store, found, Path(scratch))


def _optimized(request: OptimizationRequest, store: Store, folder: Path) -> Searched:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        start = time.perf_counter()
        result = optimize(
            request, Workplace(store=store, scratch=Path(scratch), announce=Announcer(_quiet))
        )
        seconds = time.perf_counter() - start
    if result.failure is not None:
        raise RuntimeError(result.failure.message)
    report = store.read(f"reports/{result.request.removeprefix('sha256:')}.json", 1 << 26)
    search = json.loads(report or b"{}")["search"]
    return Searched(
        search=request.search,
        seconds=seconds,
        trials={one["target"]: len(one["tried"]) for one in search},
        grid={one["target"]: one["grid"] for one in search},
        result=result,
    )


def _quiet(_progress: object) -> None:
    """Nobody watches."""


def _compared(
    model: ZooModel,
    request: OptimizationRequest,
    store: Store,
    found: Sequence[Searched],
    scratch: Path,
) -> list[Row]:
    judges = judges_of(model, request, scratch)
    rows: list[Row] = []
    for runtime, backend in backends_for(request, judges.prepared.lesson, scratch).items():
        entrants = [
            entrant
            for one in found
            if (entrant := _entrant(one, runtime, store, scratch)) is not None
        ]
        rows += compare(judges, runtime, backend, entrants, scratch)
    return [*rows, *engine_rows(judges, scratch)]


def _entrant(one: Searched, runtime: Runtime, store: Store, folder: Path) -> Entrant | None:
    result = one.result
    edge = next((edge for edge in result.edges if edge.runtime == runtime), None)
    served = runtime in {"onnxruntime", "tensorrt"}
    if served:
        digest, chosen = result.artifact, result.chosen
    else:
        digest, chosen = (edge.artifact, edge.candidate) if edge else (None, None)
    if digest is None:
        return None
    target = folder / f"{one.search}-{runtime}"
    target.mkdir()
    fetch_artifact(store, digest, target)
    return Entrant(name=one.search, path=target / FILES[runtime], note=f"chose {chosen}")


def table(rows: Sequence[Row]) -> Table:
    """For people."""
    found = Table(
        "model", "target", "candidate", "accuracy", "agreement", "ms", "kB", "gate", "why"
    )
    for row in rows:
        found.add_row(
            row.model,
            row.target,
            row.candidate,
            "" if row.accuracy is None else f"{row.accuracy:.4f}",
            "" if row.agreement is None else f"{row.agreement:.4f}",
            "" if row.milliseconds is None else f"{row.milliseconds:.3f}",
            "" if row.size is None else f"{row.size / 1000:.0f}",
            "passes" if row.passes else "misses",
            row.why,
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
