"""What builds again, and what is judged again, when a request changes."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import dataset, located, model_spec, request
from trifocal.api.techniques import FineTuning
from trifocal.optimizer.recipe import Pruned, Recipe
from trifocal.optimizer.search.keys import candidate_key, evidence_key, network_key, source_key

FP16 = Recipe(runtime="onnxruntime", precision="fp16")
INT8 = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax")
PRUNED = Pruned(method="structured", ratio=0.5)
BGR = {"model": model_spec(preprocessing={"colorOrder": "BGR"})}


def keys(folder: Path, **changes: Any) -> dict[str, str]:
    wanted = request(folder, **changes)
    small = Recipe(runtime="onnxruntime", precision="fp16", compression=PRUNED)
    return {
        "source": source_key(wanted),
        "fp16": candidate_key(wanted, FP16, "runtime 1"),
        "int8": candidate_key(wanted, INT8, "runtime 1"),
        "small": candidate_key(wanted, small, "runtime 1"),
        "network": network_key(wanted, PRUNED),
        "evidence": evidence_key(wanted, "candidate"),
    }


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"gate": {"accuracy": {"maxDrop": 0.5}}, "prefer": "size", "search": "auto"}, set()),
        ({"threads": 8, "name": "other", "scratch_bytes": 1 << 30}, set()),
        ({"optimizer_image": "newer"}, {"source", "fp16", "int8", "small", "network"}),
        (BGR, {"source", "fp16", "int8", "small", "network"}),
        ({"batching": {"maxBatchSize": 8}}, {"fp16", "int8", "small"}),
        ({"fine_tuning": FineTuning(epochs=3)}, {"small", "network"}),
        # Calibration data are judged on only where a candidate is calibrated.
        ({"precisions": ("fp32", "fp16")}, {"evidence"}),
    ],
)
def test_what_changes_is_done_again_and_nothing_else(
    tmp_path: Path, changes: dict[str, Any], again: set[str]
) -> None:
    before, after = keys(tmp_path), keys(tmp_path, **changes)

    assert {name for name in before if before[name] != after[name]} == again


@pytest.mark.parametrize(
    ("role", "again"),
    [
        ("training", {"small", "network"}),
        ("calibration", {"int8", "evidence"}),
        ("evaluation", {"evidence"}),
        ("unlabelled", {"evidence"}),
    ],
)
def test_other_data(tmp_path: Path, role: str, again: set[str]) -> None:
    other = dataset(tmp_path / "other.tar", first_seed=7000)
    changes = {role: other if role == "evaluation" else located(other)}
    before, after = keys(tmp_path), keys(tmp_path, **changes)

    assert {name for name in before if before[name] != after[name]} == again


def test_no_two_kinds_share_a_key(tmp_path: Path) -> None:
    found = keys(tmp_path)

    assert len(set(found.values())) == len(found)
    assert candidate_key(request(tmp_path), FP16, "runtime 2") != found["fp16"]
