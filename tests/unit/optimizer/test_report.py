"""Rows for status and the whole report: what came out, what was not tried, and why."""

import json

import pytest

from tests.support.evidence import agreed, classified
from tests.support.measurements import latency, measured
from trifocal.api.gate import Gate
from trifocal.api.target import Runtime
from trifocal.optimizer.contract import OptimizationResult
from trifocal.optimizer.exploring import Exploration, Trial
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.report import (
    Judgement,
    Verdict,
    candidate_statuses,
    judgement_of,
    least_agreement,
    report_json,
)
from trifocal.optimizer.search.forecast import Forecast

REQUEST = f"sha256:{'1' * 64}"


def row(
    name: str, verdict: Verdict, median: float | None = None, target: Runtime = "onnxruntime"
) -> Judgement:
    return Judgement(
        name=name,
        target=target,
        verdict=verdict,
        reason="why",
        latency=None if median is None else latency(median),
    )


def test_best_come_first_so_that_the_worst_are_left_out_first() -> None:
    rows = [
        row("broken", "Failed"),
        row("worse", "Lost", 1.0),
        row("slow", "Passed", 9.0),
        row("phone", "Chosen", 8.0, "litert"),
        row("source", "Passed", 20.0),
        row("quick", "Passed", 3.0),
        row("worst", "Lost"),
        row("server", "Chosen", 2.0),
    ]

    found = candidate_statuses(rows, Gate(), "top1")

    assert [one.name for one in found] == [
        "source",
        "phone",
        "server",
        "quick",
        "slow",
        "worse",
        "worst",
        "broken",
    ]


def test_figures_are_against_the_source_and_at_the_gates_percentile() -> None:
    source = judgement_of(measured("source", top1=0.9), "onnxruntime", "Passed", "")
    other = judgement_of(
        measured("int8", top1=0.88, median=2.0, tail=5.0), "onnxruntime", "Chosen", ""
    )

    at_99 = candidate_statuses([source, other], Gate(), "top1")[1]
    gate = Gate.model_validate({"latency": {"percentile": 50, "maxMilliseconds": 9}})
    at_50 = candidate_statuses([source, other], gate, "top1")[1]

    assert (at_99.accuracy, at_99.accuracy_drop) == (0.88, 0.02)
    assert (at_99.latency_milliseconds, at_50.latency_milliseconds) == (5.0, 2.0)
    assert (at_99.agreement, at_99.size_bytes) == (1.0, 1000)


def test_figures_that_were_never_measured_are_left_out_and_long_reasons_are_cut() -> None:
    (found,) = candidate_statuses(
        [Judgement(name="int8", target="litert", verdict="Failed", reason="r" * 5000)],
        Gate(),
        "top1",
    )

    assert found.model_dump(exclude_none=True) == {
        "name": "int8",
        "target": "litert",
        "verdict": "Failed",
        "reason": "r" * 1024,
    }


def test_agreement_is_that_of_the_worst_whole_dataset() -> None:
    evidence = classified(
        [True],
        agreement=[
            agreed(0.99, 9),
            agreed(0.97, 9, dataset="more"),
            agreed(0.5, 2, slice_name="s"),
        ],
    )

    assert least_agreement(evidence) == 0.97


def test_report_holds_every_figure_and_why_the_rest_was_not_tried() -> None:
    fp32, fp16, int16, codebook = (
        Recipe(runtime="onnxruntime", precision=precision)
        for precision in ("fp32", "fp16", "int8-dynamic", "codebook8")
    )
    exploration = Exploration(
        runtime="onnxruntime",
        recipes=(fp32, fp16, int16, codebook),
        trials=(Trial(recipe=fp32),),
        forecasts={fp16: Forecast(milliseconds=4.0, milliseconds_per_image=2.5, size=1000)},
        unbuildable={int16: "there is nothing to quantize"},
    )
    chosen = judgement_of(measured("fp32"), "onnxruntime", "Chosen", "fastest")

    body = json.loads(
        report_json(
            OptimizationResult(request=REQUEST, chosen="fp32"),
            [chosen, row("int8", "Failed")],
            [exploration],
            {"image": "test"},
        )
    )

    assert body["schemaVersion"] == "trifocal.dev/report/v2"
    assert body["result"]["request"] == REQUEST
    assert body["environment"] == {"image": "test"}
    (search,) = body["search"]
    assert (search["target"], search["grid"], search["tried"]) == ("onnxruntime", 4, ["fp32"])
    not_tried = search["notTried"]
    assert list(not_tried) == ["codebook8", "fp16", "int8-dynamic"]
    assert not_tried["int8-dynamic"] == "there is nothing to quantize"
    assert not_tried["codebook8"] == "not reached"
    assert not_tried["fp16"].startswith("forecast 4.000 ms, 2.500 ms for each image of a full ")
    first, second = body["candidates"]
    assert first["accuracy"]["metrics"]["top1"] == pytest.approx(0.9)
    assert first["accuracy"]["items"] == 100
    assert first["latencyMilliseconds"]["p99"] == 2.0
    assert first["typicalMilliseconds"] == 2.0
    assert "accuracy" not in second
    assert "latencyMilliseconds" not in second
