"""Which image a spec's Job needs: the smallest that can do the work."""

from typing import Any

import pytest

from tests.support import manifests
from tests.unit.resources.deployments import SETTINGS, minimal
from trifocal.resources.optimizer_image import OptimizerImage, optimizer_image
from trifocal.settings import Settings

TRAINING = {"uri": "https://data.example.com/training.tar", "digest": manifests.digest("b")}
WITH_TRAINING = {"spec__optimization__datasets__training": TRAINING}
NOTHING_TRAINED = {"spec__optimization__pruning": [], "spec__optimization__precisions": ["fp32"]}


def image(settings: Settings = SETTINGS, **changes: Any) -> OptimizerImage:
    spec = minimal(**changes).spec
    return optimizer_image(spec.model, spec.optimization, settings)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"spec__optimization__datasets__unlabelled": TRAINING},
        {**WITH_TRAINING, **NOTHING_TRAINED},
    ],
    ids=["minimal", "unlabelled", "training data that nothing uses"],
)
def test_onnx_for_onnx_runtime_needs_no_more_than_the_light_image(changes: dict[str, Any]) -> None:
    assert image(**changes).reference == "registry.example.com/optimizer:1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"spec__optimization__targets": [{"runtime": "onnxruntime"}, {"runtime": "litert"}]},
            "target litert",
        ),
        ({"spec__model__format": "keras"}, "format keras"),
        (WITH_TRAINING, "pruning"),
        (
            {
                **WITH_TRAINING,
                **NOTHING_TRAINED,
                "spec__optimization__distillation__students": [{"name": "resnet18"}],
            },
            "distillation.students",
        ),
        (
            {**WITH_TRAINING, **NOTHING_TRAINED, "spec__optimization__precisions": ["int8-qat"]},
            "precision int8-qat",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_everything_else_needs_the_extended_image_and_says_why(
    changes: dict[str, Any], why: str
) -> None:
    found = image(**changes)
    assert found.reference == "registry.example.com/optimizer-extended:1"
    assert found.needed_for == why


def test_an_engine_needs_the_image_with_tensorrt() -> None:
    found = image(
        spec__optimization__targets=[{"runtime": "tensorrt"}, {"runtime": "litert"}],
        spec__serving__accelerator={"product": "NVIDIA-L4"},
    )
    assert found.reference == "registry.example.com/optimizer-tensorrt:1"


def test_an_image_that_is_not_set_is_named_as_the_chart_names_it() -> None:
    found = image(Settings(), spec__model__format="keras")
    assert found.reference is None
    assert found.chart_value == "optimizer.extendedImage"
