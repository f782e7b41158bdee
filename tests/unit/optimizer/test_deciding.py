"""One target's decision: the stopwatch, the choice, and a row for everyone who took part."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.support.evidence import classified
from tests.support.measurements import measured
from trifocal.api.gate import Gate
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.deciding import Aims, decide
from trifocal.optimizer.exploring import Exploration, Trial
from trifocal.optimizer.recipe import Recipe

FP16 = Recipe(runtime="onnxruntime", precision="fp16")
INT8 = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax")
INT16 = Recipe(runtime="onnxruntime", precision="int16", calibration="minmax")


def exploration(*trials: Trial) -> Exploration:
    return Exploration(
        runtime="onnxruntime",
        recipes=(FP16, INT8, INT16),
        trials=trials,
        forecasts={},
        unbuildable={},
    )


def aims(gate: Mapping[str, Any] = MappingProxyType({}), *, on_device: bool = False) -> Aims:
    return Aims(
        gate=Gate.model_validate(gate), prefer="latency", metric="top1", on_device=on_device
    )


def test_fastest_finalist_wins_and_everyone_gets_a_row(tmp_path: Path) -> None:
    file = tmp_path / "int8.onnx"
    file.write_bytes(b"12345")
    evidence = classified([False] * 4)
    lost = Trial(recipe=INT8, entry=Entry(path=file), evidence=evidence, missed=("top1 fell",))
    failed = Trial(recipe=INT16, failure="it could not be built: no operator")
    finalists = {"source": measured("source", median=3.0), "fp16": measured("fp16", median=1.0)}

    found = decide(
        exploration(Trial(recipe=FP16, entry=Entry(path=file), evidence=evidence), lost, failed),
        finalists,
        aims(),
    )

    assert found.winner is finalists["fp16"]
    assert [(row.name, row.verdict) for row in found.rows] == [
        ("source", "Passed"),
        ("fp16", "Chosen"),
        ("int8", "Lost"),
        ("int16", "Failed"),
    ]
    assert found.rows[2].reason == "top1 fell"
    assert found.rows[2].size == 5
    assert found.rows[3].reason == "it could not be built: no operator"


def test_too_slow_finalist_loses_by_the_stopwatch() -> None:
    finalists = {"source": measured("source", median=3.0), "fp16": measured("fp16", median=1.0)}
    gate = {"latency": {"percentile": 99, "maxMilliseconds": 2.0}}

    found = decide(exploration(), finalists, aims(gate))

    assert found.winner is finalists["fp16"]
    assert found.rows[0].verdict == "Lost"
    assert found.rows[0].reason == "p99 latency 3.000 ms is above the gate's 2 ms"


def test_latency_of_the_job_says_nothing_about_devices() -> None:
    finalists = {"fp16": measured("fp16", median=3.0)}
    gate = {"latency": {"percentile": 99, "maxMilliseconds": 2.0}}

    assert decide(exploration(), finalists, aims(gate, on_device=True)).winner is not None
    assert decide(exploration(), finalists, aims(gate)).winner is None


def test_nobody_passed() -> None:
    found = decide(exploration(Trial(recipe=INT8, failure="no")), {}, aims())

    assert found.winner is None
    assert [row.verdict for row in found.rows] == ["Failed"]
