"""TensorFlow SavedModels: converted and compared, refused where they reach outside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.source_files import examples, source_spec
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.conversion import convert
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

SPEC = source_spec("saved-model", layout="NHWC")
IMAGES = examples((8, 8, 3))
IMAGE = tf.TensorSpec([None, 8, 8, 3], tf.float32, name="image")


class Network(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A linear layer, and whatever else is done with the image."""

    def __init__(self, more: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        values = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
        self.weights = tf.Variable(values)
        self.table: Any = None
        self._more = more

    @tf.function(input_signature=[IMAGE])  # type: ignore[untyped-decorator]  # as above
    def __call__(self, image: Any) -> Any:
        scores = tf.reduce_mean(image, [1, 2]) @ self.weights
        return {"scores": self._more(self, scores), "raw": scores}


def saved(folder: Path, more: Callable[[Any, Any], Any] = lambda _, scores: scores) -> Path:
    network = Network(more)
    tf.saved_model.save(network, str(folder), signatures=network.__call__)
    return folder


def refusal(folder: Path, spec: Any = SPEC) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        convert(folder, spec, folder.parent, examples(spec.inputs[0].shape))
    return error.value


def test_keras_export(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    (tmp_path / "unpacked").mkdir()
    model.export(tmp_path / "unpacked" / "model", format="tf_saved_model", verbose=False)

    converted = convert(tmp_path / "unpacked", SPEC, tmp_path, IMAGES)

    imported = import_model(converted.onnx, SPEC)
    assert (imported.input, imported.output, imported.fixed_batch) == ("picture", "output", None)
    got = OnnxRunner(converted.onnx, "output", threads=1).run(np.stack(IMAGES))
    np.testing.assert_allclose(got, model.predict(np.stack(IMAGES), verbose=0), atol=1e-5)
    assert converted.parity is not None
    assert converted.parity.max_rel < 1e-4


def test_named_output_of_several(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", lambda _, scores: tf.nn.softmax(scores))
    spec = source_spec("saved-model", layout="NHWC", output="scores")

    converted = convert(folder, spec, tmp_path, IMAGES)

    got = OnnxRunner(converted.onnx, "scores", threads=1).run(np.stack(IMAGES))
    np.testing.assert_allclose(got.sum(axis=1), np.ones(5), atol=1e-6)


def touch(path: str) -> Callable[[Any, Any], Any]:
    def more(_: Any, scores: Any) -> Any:
        def run(values: Any) -> Any:
            Path(path).touch()
            return values

        return tf.ensure_shape(tf.py_function(run, [scores], tf.float32), [None, 3])

    return more


def reading(_: Any, scores: Any) -> Any:
    return scores + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)


def writing(_: Any, scores: Any) -> Any:
    with tf.control_dependencies([tf.io.write_file("/tmp/stolen", "x")]):  # noqa: S108 - refused
        return tf.identity(scores)


def saving(network: Any, scores: Any) -> Any:
    done = tf.raw_ops.SaveV2(
        prefix="/tmp/stolen",  # noqa: S108 - refused
        tensor_names=["w"],
        shape_and_slices=[""],
        tensors=[network.weights],
    )
    with tf.control_dependencies([done]):
        return tf.identity(scores)


@pytest.mark.parametrize(
    ("more", "operator"),
    [(reading, "ReadFile"), (writing, "WriteFile"), (saving, "SaveV2")],
)
def test_functions_that_use_files_are_refused(
    tmp_path: Path, more: Callable[[Any, Any], Any], operator: str
) -> None:
    error = refusal(saved(tmp_path / "m", more))

    assert error.reason is Reason.MODEL_INVALID
    assert operator in str(error)


def test_python_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    assert "EagerPyFunc" in str(refusal(saved(tmp_path / "m", touch(str(marker)))))
    assert not marker.exists()


def test_lookup_tables_are_refused(tmp_path: Path) -> None:
    network = Network(lambda _, scores: scores)
    pairs = tf.lookup.KeyValueTensorInitializer([0], [1], tf.int64, tf.int64)
    network.table = tf.lookup.StaticHashTable(pairs, -1)
    tf.saved_model.save(network, str(tmp_path / "m"), signatures=network.__call__)

    assert "lookup table" in str(refusal(tmp_path / "m"))


def test_damaged_graph_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m")
    graph = folder / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-50])

    assert "saved_model.pb is damaged" in str(refusal(folder))


def test_missing_variables_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m")
    (folder / "variables" / "variables.index").unlink()

    assert "TensorFlow cannot load it" in str(refusal(folder))


def test_wrong_shape_says_what_the_model_takes(tmp_path: Path) -> None:
    spec = source_spec("saved-model", layout="NHWC", shape=(9, 9, 3))

    error = refusal(saved(tmp_path / "m"), spec)

    assert error.reason is Reason.INPUT_MISMATCH
    assert "takes 'image' float32 [None, 8, 8, 3]" in str(error)


def test_folder_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()

    assert "but the source is an archive" in str(refusal(tmp_path / "m"))
