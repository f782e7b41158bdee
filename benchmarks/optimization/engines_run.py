"""TensorRT's engines on the GPU of this machine: what they answer, how fast, and why not.

Each model of the zoo is built by the target tensorrt in every precision that needs no training,
twice (the second time with the timing cache), run over its evaluation data in the gate, and timed
in turns with plain engines and with the source in ONNX Runtime. Then the whole optimization is run
with the target tensorrt. Ratios are within one run.

    python -m benchmarks.optimization.engines_run --pack kit            # where the packages are
    python -m benchmarks.optimization.engines_run --kit kit --json FILE # where the GPU is
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.optimization.comparison import judges_of
from benchmarks.optimization.engines import MAX_BATCH
from benchmarks.optimization.engines_kit import pack, unpack
from benchmarks.optimization.engines_trial import SOURCE, Entrant, Trial
from benchmarks.optimization.requests import request_for, store_in
from benchmarks.optimization.zoo.model import ZooModel
from trifocal.artifacts.store import open_store
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.runtimes.tensorrt.backend import TensorRT, installed
from trifocal.optimizer.sources import place_of

MODELS = ("digits", "pages", "people", "faces", "emotions", "text")


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, or run and print; 0 unless a model failed altogether."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    folder = parser.add_mutually_exclusive_group(required=True)
    folder.add_argument("--pack", type=Path, metavar="FOLDER", help="write the models and data")
    folder.add_argument("--kit", type=Path, metavar="FOLDER", help="run what --pack has written")
    parser.add_argument("--json", type=Path, help="file for every figure")
    parser.add_argument("--seconds", type=float, default=3600.0, help="no new model after that")
    options = parser.parse_args(arguments)
    if options.pack:
        return _pack(options.models, options.pack)
    return _run(options.models, options.kit, options.json, options.seconds)


def _pack(models: Sequence[str], kit: Path) -> int:
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            data, scratch = Path(folder) / "data", Path(folder) / "scratch"
            data.mkdir()
            scratch.mkdir()
            zoo = importlib.import_module(f"benchmarks.optimization.zoo.{name}")
            pack(zoo.prepare(data), kit / name, scratch)
    return 0


def _run(models: Sequence[str], kit: Path, target: Path | None, seconds: float) -> int:
    console = Console(width=190, highlight=False)
    end = time.monotonic() + seconds
    found: dict[str, Any] = {}
    failed = False
    for name in models:
        if time.monotonic() > end or not (kit / name).is_dir():
            console.print(f"{name}: left out")
            continue
        model = unpack(kit / name, without=("training",))
        for part, work in (("engines", engines), ("pipeline", pipeline)):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found.setdefault(name, {})[part] = work(model, Path(folder), console)
                except Exception:  # noqa: BLE001 - the other models are worth a run all the same
                    found.setdefault(name, {})[part] = traceback.format_exc()
                    console.print(found[name][part])
                    failed = True
            if target:
                target.write_text(json.dumps(found, indent=1, default=str))
    return int(failed)


def engines(model: ZooModel, folder: Path, console: Console) -> dict[str, Any]:
    """Every engine of one model."""
    request = request_for(model, ("tensorrt",), folder)
    scratch = folder / "scratch"
    scratch.mkdir()
    judges = judges_of(model, request, scratch)
    backend: TensorRT = installed(folder / "timing")
    console.print(f"{model.name} on {backend.version()}: {model.truth}")
    trial = Trial(
        judges=judges,
        backend=backend,
        trt=importlib.import_module("tensorrt"),
        folder=folder,
        say=console.print,
    )
    entrants = trial.run()
    console.print(table(model.name, entrants))
    return {"place": backend.version(), "entrants": [asdict(entrant) for entrant in entrants]}


def pipeline(model: ZooModel, folder: Path, console: Console) -> dict[str, Any]:
    """The optimization as a Job does it, with the target tensorrt and search `auto`."""
    store = open_store(place_of(store_in(folder)))
    scratch = folder / "scratch"
    scratch.mkdir()
    told: list[Any] = []
    start = time.perf_counter()
    result = optimize(
        request_for(model, ("tensorrt",), folder, search="auto"),
        Workplace(store=store, scratch=scratch, announce=Announcer(told.append)),
    )
    seconds = time.perf_counter() - start
    report = store.read(f"reports/{result.request.removeprefix('sha256:')}.json", 1 << 26)
    why = result.failure.message if result.failure else f"chose {result.chosen}"
    console.print(f"{model.name} auto: {seconds:.1f} s, {why}")
    for note in result.notes:
        console.print(f"  {note}")
    return {
        "seconds": seconds,
        "progress": len(told),
        "result": result.model_dump(mode="json", by_alias=True),
        "report": json.loads(report or b"{}"),
    }


def table(model: str, entrants: Sequence[Entrant]) -> Table:
    """For people: times in milliseconds, copies included; build and again in seconds."""
    columns = ("accuracy", "agreement", "p50", "p99", f"p50 of {MAX_BATCH}", "kB", "build", "again")
    found = Table(model, *columns, "gate", "why")
    for one in entrants:
        times = one.milliseconds
        found.add_row(
            "source, ONNX Runtime" if one.name == SOURCE else one.name,
            _figure(one.accuracy, 4),
            _figure(one.agreement, 4),
            _figure(times.get("p50 of 1"), 3),
            _figure(times.get("p99 of 1"), 3),
            _figure(times.get(f"p50 of {MAX_BATCH}"), 3),
            f"{one.size / 1000:.0f}",
            _figure(one.build_seconds, 1),
            _figure(one.rebuild_seconds, 1),
            "misses" if one.missed or one.failure else "passes",
            (one.failure or "; ".join(one.missed)).replace("\n", " ")[:160],
        )
    return found


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
