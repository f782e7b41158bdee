"""One model on a real GPU: Trifocal's engines and plain ones, in the same gate and on one clock."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.optimization.comparison import Judges
from benchmarks.optimization.engines import MAX_BATCH, PRECISIONS, order_for
from benchmarks.optimization.engines_plain import PLAIN
from trifocal.api.techniques import CALIBRATED, CalibrationMethod, Precision
from trifocal.optimizer.capacity import batch_sizes, measure_capacity
from trifocal.optimizer.gates import verdict
from trifocal.optimizer.latency import measure_latency
from trifocal.optimizer.report import least_agreement
from trifocal.optimizer.runtimes.backend import Runner
from trifocal.optimizer.runtimes.tensorrt.backend import TensorRT

SOURCE = "source"
METHODS: tuple[CalibrationMethod, ...] = ("minmax", "percentile", "entropy")


@dataclass(kw_only=True)
class Entrant:
    """One engine, or the source in ONNX Runtime on the CPU; figures come one after the other."""

    name: str
    size: int
    build_seconds: float | None = None
    rebuild_seconds: float | None = None
    """The same once more: its kernels are in the timing cache."""
    progress: int = 0
    """Reports of progress during the first build."""
    facts: dict[str, Any] = field(default_factory=dict)
    accuracy: float | None = None
    agreement: float | None = None
    missed: tuple[str, ...] = ()
    """Tests of the gate."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """p50 and p99 of one image and of a full batch, copies included."""
    capacity: list[dict[str, float]] = field(default_factory=list)
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Builds and judges the engines of one model."""

    judges: Judges
    backend: TensorRT
    trt: Any
    folder: Path
    say: Callable[[str], None]

    def run(self) -> list[Entrant]:
        """The source, Trifocal's engines, plain ones; an engine that fails says why."""
        prepared = self.judges.prepared
        runners: dict[str, Runner] = {SOURCE: prepared.runner}
        found = {SOURCE: Entrant(name=SOURCE, size=prepared.model.path.stat().st_size)}
        for name, build in self._builds().items():
            entrant = found[name] = Entrant(name=name, size=0)
            try:
                path = build(entrant)
                entrant.size = path.stat().st_size
                runners[name] = self.backend.load(path, prepared.model, self.judges.threads)
            except Exception as error:  # noqa: BLE001 - the others are worth measuring all the same
                entrant.failure = f"{type(error).__name__}: {error}"
            self.say(f"{self.judges.model} {name}: {entrant.failure or entrant.build_seconds}")
        for name in list(runners):
            self._examine(found[name], runners)
        self._time(found, runners)
        return list(found.values())

    def _builds(self) -> dict[str, Callable[[Entrant], Path]]:
        own: list[tuple[str, Precision, CalibrationMethod | None]] = [
            (f"{precision} {method}" if method else precision, precision, method)
            for precision in PRECISIONS
            for method in (METHODS if precision in CALIBRATED else (None,))
        ]
        builds: dict[str, Callable[[Entrant], Path]] = {
            name: partial(self._own, precision=precision, method=method)
            for name, precision, method in own
        }
        plain = {
            f"plain {name}": partial(self._plain, build=build) for name, build in PLAIN.items()
        }
        return builds | plain

    def _own(
        self, entrant: Entrant, precision: Precision, method: CalibrationMethod | None
    ) -> Path:
        shares: list[float] = []
        seconds = []
        for attempt in ("first", "again"):
            work = self.folder / f"{entrant.name.replace(' ', '-')}-{attempt}"
            work.mkdir()
            order = order_for(
                self.judges, precision, work, method, lambda share, _detail: shares.append(share)
            )
            start = time.perf_counter()
            product = self.backend.build(order, work / "model.plan")
            seconds.append(time.perf_counter() - start)
            entrant.progress = entrant.progress or len(shares)
            if method not in {None, METHODS[0]}:
                break  # calibration alone differs: its second build tells nothing new
        entrant.facts = {**product.facts, "notes": list(product.notes)}
        entrant.build_seconds = seconds[0]
        entrant.rebuild_seconds = seconds[1] if len(seconds) > 1 else None
        return product.path

    def _plain(self, entrant: Entrant, build: Callable[..., bytes]) -> Path:
        path = self.folder / f"{entrant.name.replace(' ', '-')}.plan"
        start = time.perf_counter()
        path.write_bytes(build(self.trt, self.judges.prepared, MAX_BATCH, self.folder))
        entrant.build_seconds = time.perf_counter() - start
        return path

    def _examine(self, entrant: Entrant, runners: dict[str, Runner]) -> None:
        judges = self.judges
        try:
            evidence = (
                judges.source
                if entrant.name == SOURCE
                else judges.examiner.examine(runners[entrant.name], lambda _share: None)
            )
        except Exception as error:  # noqa: BLE001 - as above
            entrant.failure = f"{type(error).__name__}: {error}"
            del runners[entrant.name]
            return
        entrant.accuracy = evidence.metrics[judges.metric]
        entrant.agreement = least_agreement(evidence)
        entrant.missed = tuple(verdict.missed(evidence, judges.source, judges.gate, judges.metric))

    def _time(self, found: dict[str, Entrant], runners: dict[str, Runner]) -> None:
        image, clock = self.judges.prepared.image, time.perf_counter
        for size in (1, MAX_BATCH):
            latencies = measure_latency(runners, image, clock, lambda _share: None, size=size)
            for name, latency in latencies.items():
                found[name].milliseconds |= {
                    f"typical of {size}": latency.typical,
                    **{f"p{p} of {size}": latency.percentiles[p] for p in (50, 99)},
                }
        for name in _curves(found, runners):
            points = measure_capacity(
                runners[name], image, batch_sizes(MAX_BATCH), clock, lambda _share: None
            )
            found[name].capacity = [point.model_dump(mode="json") for point in points]


def _curves(found: dict[str, Entrant], runners: dict[str, Runner]) -> Sequence[str]:
    """Whose capacity is measured: the source and Trifocal's own engines that pass."""
    return [name for name in runners if not found[name].missed and not name.startswith("plain")]
