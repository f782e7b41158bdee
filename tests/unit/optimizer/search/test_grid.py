"""The full grid of a target, counted by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import located, request
from trifocal.api.techniques import PRECISIONS, Architecture, Distillation, Pruning, Quantization
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.search.grid import grid
from trifocal.optimizer.search.keys import candidate_key, evidence_key, network_key

EVERYTHING = frozenset(PRECISIONS)


def wanted(folder: Path, **changes: Any) -> OptimizationRequest:
    return request(folder, **{"quantization": Quantization(), **changes})


def test_every_calibration_of_a_target_is_a_candidate(tmp_path: Path) -> None:
    """Two plain ones; int8 with three ways to take ranges, each per channel and per tensor."""
    found = grid(wanted(tmp_path), "onnxruntime", EVERYTHING)

    assert [recipe.name for recipe in found] == [
        "fp32",
        "fp16",
        "int8",
        "int8-percentile",
        "int8-entropy",
        "int8-tensor",
        "int8-percentile-tensor",
        "int8-entropy-tensor",
    ]


def test_runtimes_have_what_their_quantizers_offer(tmp_path: Path) -> None:
    litert = grid(wanted(tmp_path), "litert", EVERYTHING)
    executorch = grid(wanted(tmp_path), "executorch", frozenset({"fp32", "int8"}))

    assert [recipe.name for recipe in litert] == ["fp32", "fp16", "int8"]
    assert [recipe.name for recipe in executorch] == ["fp32", "int8", "int8-entropy"]


def test_what_the_spec_fixes_is_no_candidate(tmp_path: Path) -> None:
    fixed = Quantization(calibration_method="entropy", per_channel=False)

    found = grid(wanted(tmp_path, quantization=fixed), "onnxruntime", EVERYTHING)

    assert [recipe.name for recipe in found] == ["fp32", "fp16", "int8-entropy-tensor"]


def test_every_network_comes_in_every_precision(tmp_path: Path) -> None:
    found = grid(
        wanted(
            tmp_path,
            precisions=("fp32", "fp16"),
            pruning=(
                Pruning(ratio=0.5),
                Pruning(method="2:4"),
                Pruning(method="magnitude", threshold=0.01),
            ),
            distillation=Distillation(students=(Architecture(name="resnet18"),)),
        ),
        "onnxruntime",
        EVERYTHING,
    )

    assert [recipe.name for recipe in found] == [
        f"{network}{precision}"
        for network in ("", "pruned50-", "sparse2of4-", "sparse-0.01-", "student-resnet18-")
        for precision in ("fp32", "fp16")
    ]
    assert len(set(found)) == len(found)


CHANGES = [
    {"gate": {"accuracy": {"maxDrop": 0.2}}},
    {"prefer": "size"},
    {"search": "auto"},
    {"precisions": ("int8",)},
    {"name": "another"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_gate_and_preference_build_nothing_again(tmp_path: Path, change: dict[str, Any]) -> None:
    before = wanted(tmp_path, pruning=(Pruning(ratio=0.5),))
    after = wanted(tmp_path, pruning=(Pruning(ratio=0.5),), **change)
    (int8,) = (r for r in grid(before, "onnxruntime", EVERYTHING) if r.name == "pruned50-int8")

    one, other = (candidate_key(each, int8, "onnxruntime 1") for each in (before, after))

    assert one == other
    assert evidence_key(before, one) == evidence_key(after, other)
    assert int8.compression is not None
    assert network_key(before, int8.compression) == network_key(after, int8.compression)


def test_other_calibration_data_change_what_is_calibrated_and_nothing_else(tmp_path: Path) -> None:
    before = wanted(tmp_path)
    (tmp_path / "other.tar").write_bytes(b"other images")
    after = before.model_copy(update={"calibration": located(tmp_path / "other.tar")})
    fp16, int8 = grid(before, "onnxruntime", EVERYTHING)[1:3]

    assert candidate_key(before, fp16, "v") == candidate_key(after, fp16, "v")
    assert candidate_key(before, int8, "v") != candidate_key(after, int8, "v")


def test_another_version_of_the_runtime_builds_again(tmp_path: Path) -> None:
    (fp32, *_) = grid(wanted(tmp_path), "onnxruntime", EVERYTHING)

    assert candidate_key(wanted(tmp_path), fp32, "1") != candidate_key(wanted(tmp_path), fp32, "2")
