"""Who gets a second chance with its worst layers in float: only whom that may help."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from tests.support.tiny_models import colour_classifier, request, save
from trifocal.api.techniques import Quantization
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.exploring import Trial
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.mending import mended
from trifocal.optimizer.recipe import Pruned, Recipe
from trifocal.optimizer.runtimes.backend import Order
from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime
from trifocal.optimizer.workshop import Materials

INT8 = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax", per_channel=False)


def lopsided() -> Any:
    """One scale for all weights of the last layer rounds most of them to 0.

    They are 1 and, for a channel that is always 0, 5000.
    """
    model = colour_classifier(outlier=-1.0)
    linear = numpy_helper.to_array(model.graph.initializer[1]).copy()
    linear[3] = 5000
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(linear, "linear"))
    for node in model.graph.node:
        node.name = node.output[0]
    return model


def materials(folder: Path, float_layers: int = 4, *, calibrated: bool = True) -> Materials:
    model = ImportedModel(
        path=save(lopsided(), folder / "lopsided.onnx"),
        input="x",
        input_shape=(3, 8, 8),
        output="scores",
        fixed_batch=None,
    )
    calibration = Calibration(
        images=[Path(str(seed)) for seed in range(12)],
        read=lambda path: (
            np.random.default_rng(int(path.name)).uniform(0, 1, (3, 8, 8)).astype(np.float32)
        ),
    )
    return Materials(
        request=request(folder, quantization=Quantization(float_layers=float_layers)),
        model=model,
        calibration=calibration if calibrated else None,
        lesson=None,
    )


def trial(folder: Path, given: Materials, **changes: Any) -> Trial:
    (folder / "work").mkdir()
    order = Order(
        model=given.model,
        recipe=INT8,
        calibration=given.calibration,
        max_batch=4,
        folder=folder / "work",
        report=lambda _share, _detail: None,
    )
    product = OnnxRuntime().build(order, folder / "int8.onnx")
    return Trial(
        recipe=replace(INT8, **changes), entry=Entry(path=product.path), missed=("top1 fell",)
    )


def test_layers_that_lose_most_stay_in_float(tmp_path: Path) -> None:
    given = materials(tmp_path)

    found = mended(trial(tmp_path, given), given)

    assert found == replace(INT8, keep_float=("scores",))


@pytest.mark.parametrize(
    "changes",
    [
        {"runtime": "litert"},
        {"precision": "fp16"},
        {"keep_float": ("conv",)},
        {"compression": Pruned(method="structured", ratio=0.5)},
    ],
)
def test_other_candidates_get_none(tmp_path: Path, changes: Mapping[str, Any]) -> None:
    given = materials(tmp_path)

    assert mended(trial(tmp_path, given, **changes), given) is None


def test_spec_that_keeps_no_layer_and_builds_that_failed_get_none(tmp_path: Path) -> None:
    given = materials(tmp_path)
    tried = trial(tmp_path, given)

    assert mended(tried, materials(tmp_path, float_layers=0)) is None
    assert mended(tried, materials(tmp_path, calibrated=False)) is None
    assert mended(replace(tried, entry=None), given) is None


def test_file_that_cannot_be_compared_gets_none(tmp_path: Path) -> None:
    given = materials(tmp_path)
    broken = colour_classifier()
    broken.graph.initializer[1].dims[0] = 1
    broken.graph.initializer[1].raw_data = broken.graph.initializer[1].raw_data[:12]
    other = save(broken, tmp_path / "other.onnx")

    assert mended(replace(trial(tmp_path, given), entry=Entry(path=other)), given) is None
