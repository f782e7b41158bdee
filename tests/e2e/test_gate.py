"""A candidate or a source that misses the gate never serves, and status says by how much."""

import numpy as np

from tests.e2e.answers import infer
from tests.e2e.workload import Workload
from tests.support.quadrants import image


def test_int8_that_loses_accuracy_is_refused_and_float_serves(workload: Workload) -> None:
    workload.apply(
        "fragile",
        {
            "model": {"source": workload.on_claim("fragile.onnx")},
            "optimization": {"search": "grid", "precisions": ["fp32", "fp16", "int8"]},
        },
    )
    workload.wait("fragile", "Ready")
    optimization = workload.get("fragile")["status"]["optimization"]
    int8 = next(c for c in optimization["candidates"] if c["name"] == "int8")
    assert int8["verdict"] == "Lost"
    assert int8["accuracyDrop"] > 0.5  # 8 bits cannot tell the quadrants apart: chance is 0.25
    assert "75" in int8["reason"]
    assert optimization["chosen"] in {"source", "fp32", "fp16"}


def test_a_source_below_its_gate_is_refused_and_the_old_revision_answers(
    workload: Workload,
) -> None:
    workload.apply("below")
    workload.wait("below", "Ready")
    before = workload.get("below")["status"]["revision"]["serving"]
    workload.apply("below", {"model": {"source": workload.on_claim("upside-down.onnx")}})
    stalled = workload.wait("below", "Stalled", reason="SourceBelowGate")
    assert "0.9" in stalled["message"] or "90" in stalled["message"]
    assert workload.condition("below", "Ready")["status"] == "False"
    assert workload.get("below")["status"]["revision"]["serving"] == before
    picture = (np.asarray(image(2, 1)).transpose(2, 0, 1)[None] / 255).astype(np.float32)
    assert infer(workload, "below", picture).argmax() == 2
