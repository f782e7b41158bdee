"""A model that is packed for a machine without registries is the same model there."""

from pathlib import Path

import numpy as np
import onnxruntime
from benchmarks.optimization.engines_kit import pack, unpack
from benchmarks.optimization.zoo.model import ZooModel, spec

from tests.support.tiny_models import LABELS, SIZE, colour_classifier, dataset, save


def test_model_spec_and_data_come_back(tmp_path: Path) -> None:
    source = save(colour_classifier(), tmp_path / "colours.onnx")
    model = ZooModel(
        name="colours",
        spec=spec(
            source,
            format="onnx",
            task="classification",
            inputs=[{"name": "x", "shape": [3, SIZE, SIZE]}],
            preprocessing={"colorOrder": "BGR", "mean": [0.5]},
            labels=LABELS,
        ),
        source=source,
        evaluation=dataset(tmp_path / "evaluation.tar"),
        calibration=dataset(tmp_path / "calibration.tar", first_seed=1000),
        training=dataset(tmp_path / "training.tar", first_seed=2000),
        truth="colours, labelled",
    )
    (tmp_path / "scratch").mkdir()
    pack(model, tmp_path / "kit", tmp_path / "scratch")
    (tmp_path / "kit").rename(tmp_path / "elsewhere")

    there = unpack(tmp_path / "elsewhere")
    assert (there.name, there.truth) == ("colours", "colours, labelled")
    assert there.spec.model_dump(exclude={"source"}) == model.spec.model_dump(exclude={"source"})
    assert there.evaluation.read_bytes() == model.evaluation.read_bytes()
    assert there.training is not None
    image = np.random.default_rng(0).random((1, 3, SIZE, SIZE)).astype(np.float32)
    old, new = (
        onnxruntime.InferenceSession(path).run(None, {"x": image})[0]
        for path in (source, there.source)
    )
    assert np.allclose(old, new)
    assert unpack(tmp_path / "elsewhere", without=("training",)).training is None
