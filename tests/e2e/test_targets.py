"""One manifest for servers and devices: three runtimes, each artifact proved in its own."""

from collections.abc import Mapping
from typing import Any

from tests.e2e.workload import Workload

TARGETS = ("onnxruntime", "litert", "executorch")
BUILD_SECONDS = 600
"""The libraries of two edge runtimes take half a minute to load on two busy cores."""


def spec(max_drop: float) -> Mapping[str, Any]:
    return {
        "optimization": {
            "targets": [{"runtime": runtime} for runtime in TARGETS],
            "search": "grid",
            "precisions": ["fp32", "int8"],
            "quantization": {"calibrationMethod": "minmax", "perChannel": True, "floatLayers": 0},
            "gate": {"accuracy": {"maxDrop": max_drop, "minimum": 0.9}},
            "job": {"resources": {"limits": {"memory": "3Gi"}}, "deadlineSeconds": BUILD_SECONDS},
        }
    }


def optimization(workload: Workload) -> Mapping[str, Any]:
    found: Mapping[str, Any] = workload.get("everywhere")["status"]["optimization"]
    return found


def test_one_manifest_yields_artifacts_for_servers_and_devices_and_another_gate_builds_nothing(
    workload: Workload,
) -> None:
    workload.apply("everywhere", spec(0.02))
    workload.wait("everywhere", "Ready", seconds=BUILD_SECONDS)
    first = optimization(workload)

    edges = {edge["runtime"]: edge for edge in first["edges"]}
    assert set(edges) == {"litert", "executorch"}
    assert len({first["artifact"], *(edge["artifact"] for edge in edges.values())}) == 3
    # The model is exact, so every runtime must answer every image alike.
    assert {edge["parity"] for edge in edges.values()} == {1.0}
    assert {edge["accuracy"] for edge in edges.values()} == {1.0}
    tried = {(row["target"], row["name"]) for row in first["candidates"]}
    assert tried >= {(runtime, precision) for runtime in TARGETS for precision in ("fp32", "int8")}
    assert {row["verdict"] for row in first["candidates"]} <= {"Chosen", "Passed"}

    workload.apply("everywhere", spec(0.021))
    workload.wait("everywhere", "Optimized", seconds=BUILD_SECONDS)
    workload.wait("everywhere", "Ready", seconds=BUILD_SECONDS)
    second = optimization(workload)

    assert second["request"] != first["request"]
    for runtime in TARGETS:
        assert f"{runtime}: 2 of 2 candidates had been built before." in second["notes"]
