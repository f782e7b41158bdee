"""Conversion of what needs none, and of networks with a fixed batch."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.tiny_models import colour_classifier, model_spec, save
from trifocal.optimizer.formats.conversion import Converted, convert
from trifocal.optimizer.formats.opened import in_batches


def test_onnx_stays_as_it_is(tmp_path: Path) -> None:
    path = save(colour_classifier(), tmp_path / "model.onnx")

    assert convert(path, model_spec(), tmp_path, []) == Converted(onnx=path, parity=None)


def test_last_batch_is_filled_up_and_cut() -> None:
    seen = []

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(batch[:, 0].tolist())
        return batch * 2

    answers = in_batches(run, np.asarray([[1], [2], [3], [4], [5]], np.float32), 2)

    assert seen == [[1, 2], [3, 4], [5, 5]]
    assert answers[:, 0].tolist() == [2, 4, 6, 8, 10]
