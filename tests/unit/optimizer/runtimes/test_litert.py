"""What LiteRT's backend refuses before it loads anything."""

from pathlib import Path

import pytest

from trifocal.api.techniques import CalibrationMethod, Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, Order
from trifocal.optimizer.runtimes.litert import LiteRT


def order(
    folder: Path,
    precision: Precision,
    *,
    calibration: CalibrationMethod | None = None,
    keep_float: tuple[str, ...] = (),
) -> Order:
    return Order(
        model=ImportedModel(
            path=folder / "none.onnx",
            input="x",
            input_shape=(3, 8, 8),
            output="y",
            fixed_batch=None,
        ),
        recipe=Recipe(
            runtime="litert", precision=precision, calibration=calibration, keep_float=keep_float
        ),
        calibration=Calibration(images=(), read=lambda _: pytest.fail("there is no image")),
        max_batch=1,
        folder=folder,
        report=lambda _share, _what: None,
    )


@pytest.mark.parametrize("precision", ["int8-qat", "codebook8"])
def test_other_precisions_are_refused(tmp_path: Path, precision: Precision) -> None:
    with pytest.raises(BuildError, match=f"LiteRT has no {precision}; use one of fp16, fp32"):
        LiteRT().build(order(tmp_path, precision), tmp_path / "m.tflite")


def test_layers_cannot_be_kept_in_float(tmp_path: Path) -> None:
    wanted = order(tmp_path, "int8", calibration="minmax", keep_float=("conv",))

    with pytest.raises(BuildError, match="none can stay in float"):
        LiteRT().build(wanted, tmp_path / "m.tflite")


def test_other_calibrations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="does not calibrate by entropy; use minmax"):
        LiteRT().build(order(tmp_path, "int8", calibration="entropy"), tmp_path / "m.tflite")


@pytest.mark.parametrize("precision", ["int8", "int16"])
def test_calibration_needs_images(tmp_path: Path, precision: Precision) -> None:
    with pytest.raises(BuildError, match="needs images to calibrate with"):
        LiteRT().build(order(tmp_path, precision, calibration="minmax"), tmp_path / "m.tflite")
