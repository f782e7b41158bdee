"""A fixed batch is opened where that is provably the same model, and refused where not."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.tiny_models import SIZE, colour_classifier, model_spec, save
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.batch_dimension import with_open_batch
from trifocal.optimizer.importing import ImportedModel, import_model
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner


def imported(tmp_path: Path, **unusual: object) -> ImportedModel:
    model = colour_classifier(**unusual)  # type: ignore[arg-type]
    return import_model(save(model, tmp_path / "model.onnx"), model_spec())


def test_open_batch_is_left_alone(tmp_path: Path) -> None:
    model = imported(tmp_path)

    assert with_open_batch(model, 8, tmp_path / "open") is model


def test_fixed_batch_of_one_is_left_alone_if_nothing_more_is_wanted(tmp_path: Path) -> None:
    model = imported(tmp_path, batch=1)

    assert with_open_batch(model, 1, tmp_path / "open") is model


@pytest.mark.parametrize("batch", [1, 2])
def test_declared_batch_is_opened(tmp_path: Path, batch: int) -> None:
    model = with_open_batch(imported(tmp_path, batch=batch), 8, tmp_path / "open")

    assert model.fixed_batch is None
    images = np.ones((5, 3, SIZE, SIZE), np.float32)
    assert OnnxRunner(model.path, model.output, threads=1).run(images).shape == (5, 3)


def test_batch_that_hides_in_a_constant_is_refused(tmp_path: Path) -> None:
    model = imported(tmp_path, batch=1, flatten=(1, 3))

    with pytest.raises(RefusedError, match="batches of exactly 1, and its graph depends") as error:
        with_open_batch(model, 8, tmp_path / "open")
    assert error.value.reason is Reason.MODEL_INVALID
    assert str(error.value).endswith("or set maxBatchSize to 1.")


def test_reshape_that_would_mix_images_is_refused(tmp_path: Path) -> None:
    """[1, -1] runs for any batch, and glues all images into one."""
    model = imported(tmp_path, batch=1, flatten=(1, -1))

    with pytest.raises(RefusedError, match="export it with a dynamic batch dimension"):
        with_open_batch(model, 8, tmp_path / "open")
