"""Format keras: .keras and legacy HDF5 files, loaded by Keras on TensorFlow and exported to ONNX.

Trust: see `keras_config` and `hdf5_file`. Keras sees a copy of a .keras file that holds only the
checked configuration and the weights; assets, which only lookup layers read, are left out.
"""

import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.hdf5_file import check_hdf5, model_config
from trifocal.optimizer.formats.keras_config import checked_config
from trifocal.optimizer.formats.member_limits import opened_zip, refused
from trifocal.optimizer.formats.opened import first_line
from trifocal.optimizer.formats.tensorflow_export import quiet, use_tensorflow, write_onnx

_WEIGHTS = "model.weights.h5"
_METADATA = "metadata.json"
_WHAT = "a Keras 3 file"


def open_keras(path: Path, spec: ModelSpec, folder: Path, *, legacy: bool) -> "KerasModel":
    """Check and load a file; copies go to `folder`.

    Raises:
        RefusedError: ModelInvalid: damaged, or a layer that is not read; InputMismatch.
    """
    checked = _checked_legacy(path, folder) if legacy else _checked_copy(path, folder)
    network = _load(checked)
    _check_input(network, spec)
    return KerasModel(network, spec)


class KerasModel:
    """One loaded model."""

    notes: tuple[str, ...] = ()

    def __init__(self, network: Any, spec: ModelSpec) -> None:
        self._network = network
        self._spec = spec
        names = list(network.output_names)
        self._position = names.index(spec.output) if spec.output in names else 0

    @property
    def framework(self) -> str:
        """Name and version."""
        import keras  # noqa: PLC0415 - heavy

        return f"Keras {keras.__version__}"

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's answers [batch, ...]."""
        with quiet():
            return np.asarray(self._answer(batch), np.float32)

    def write_onnx(self, target: Path) -> str:
        """Write the graph, and return the name of the answer.

        Raises:
            RefusedError: ModelInvalid.
        """
        return write_onnx(self._answer, self._spec, target, framework="Keras")

    def _answer(self, image: Any) -> Any:
        answers = self._network(image, training=False)
        return answers[self._position] if isinstance(answers, list | tuple) else answers


def _checked_legacy(path: Path, folder: Path) -> Path:
    check_hdf5(path)
    checked_config(model_config(path))
    link = folder / "checked.h5"  # Keras goes by the suffix
    link.symlink_to(path.resolve())
    return link


def _checked_copy(path: Path, folder: Path) -> Path:
    target, weights = folder / "checked.keras", folder / _WEIGHTS
    with opened_zip(path, _WHAT) as archive:
        if not {"config.json", _METADATA, _WEIGHTS} <= set(archive.namelist()):
            raise refused(_WHAT, f"config.json, {_METADATA} or {_WEIGHTS} is missing")
        config = checked_config(archive.read("config.json"))
        weights.write_bytes(archive.read(_WEIGHTS))
        metadata = archive.read(_METADATA)
    check_hdf5(weights)
    with ZipFile(target, "w", ZIP_STORED) as copy:
        copy.writestr("config.json", json.dumps(config))
        copy.writestr(_METADATA, metadata)
        copy.write(weights, _WEIGHTS)
    weights.unlink()
    return target


def _load(path: Path) -> Any:
    use_tensorflow()
    with quiet():
        import keras  # noqa: PLC0415 - heavy

        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # loaders raise whatever they met in the file
            raise refused("a Keras model", f"Keras cannot load it ({first_line(error)})") from error


def _check_input(network: Any, spec: ModelSpec) -> None:
    shapes = [tuple(tensor.shape) for tensor in network.inputs]
    wanted = spec.inputs[0].shape
    fits = (
        len(shapes) == 1
        and len(shapes[0]) == len(wanted) + 1
        and all(has in {None, want} for has, want in zip(shapes[0][1:], wanted, strict=True))
    )
    if not fits:
        shown = ", ".join(str(["N", *(size or "?" for size in shape[1:])]) for shape in shapes)
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0].shape is {list(wanted)} after the batch, but the Keras model "
            f"takes {shown}; change the spec. Keras has [height, width, channels], which is "
            f"preprocessing.layout NHWC.",
        )
