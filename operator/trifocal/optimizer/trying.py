"""Steps `candidates` and `latency`: every target's candidates, tried, timed and decided on."""

from collections.abc import Mapping

from trifocal.api.target import SERVED, Runtime
from trifocal.optimizer.bench import Studio, TargetBench
from trifocal.optimizer.deciding import Aims, decide
from trifocal.optimizer.exploring import Advance, Exploration, Explorer
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.measuring import measure, starters
from trifocal.optimizer.notes import Found
from trifocal.optimizer.preparation import Prepared
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.search.grid import grid


def try_all(studio: Studio, prepared: Prepared, announce: Announcer) -> list[Found]:
    """Try every target's candidates, then time those that passed, and choose."""
    runtimes = [target.runtime for target in studio.request.targets]
    benches = {runtime: TargetBench(studio, runtime) for runtime in runtimes}
    advances = {
        (step, runtime): _part_of(announce, step, runtime, position / len(runtimes), len(runtimes))
        for step in (Step.CANDIDATES, Step.LATENCY)
        for position, runtime in enumerate(runtimes)
    }
    explorations = {
        runtime: _explored(studio, bench, runtime, advances[Step.CANDIDATES, runtime])
        for runtime, bench in benches.items()
    }
    finalists = {
        runtime: _timed(
            studio, prepared, bench, explorations[runtime], advances[Step.LATENCY, runtime]
        )
        for runtime, bench in benches.items()
    }
    return [_decided(studio, explorations[runtime], finalists[runtime]) for runtime in runtimes]


def _part_of(
    announce: Announcer, step: Step, runtime: Runtime, start: float, parts: int
) -> Advance:
    """Tells how far one target's part of a step is."""
    return lambda share, detail: announce.at(
        step, start + share / parts, f"{runtime} {detail}".rstrip()
    )


def _explored(
    studio: Studio, bench: TargetBench, runtime: Runtime, advance: Advance
) -> Exploration:
    request = studio.request
    return Explorer(
        runtime=runtime,
        recipes=grid(request, runtime, studio.backends[runtime].precisions),
        source=studio.source_forecast if _serves_source(runtime) else None,
        bench=bench,
        aim=request.prefer,
        search=request.search,
        advance=advance,
    ).explore()


def _timed(
    studio: Studio,
    prepared: Prepared,
    bench: TargetBench,
    exploration: Exploration,
    advance: Advance,
) -> Mapping[str, Measured]:
    source = prepared.runner if _serves_source(exploration.runtime) else None
    watch = studio.stopwatch
    return measure(
        starters(exploration, bench, source),
        prepared,
        studio.source,
        watch.max_batch,
        watch.clock,
        lambda share: advance(share, ""),
    )


def _decided(studio: Studio, exploration: Exploration, finalists: Mapping[str, Measured]) -> Found:
    aims = Aims(
        gate=studio.request.gate,
        prefer=studio.request.prefer,
        metric=studio.metric,
        on_device=exploration.runtime not in SERVED,
    )
    return Found(exploration=exploration, decision=decide(exploration, finalists, aims))


def _serves_source(runtime: Runtime) -> bool:
    """Whether the unchanged ONNX file is itself a candidate."""
    return runtime == "onnxruntime"
