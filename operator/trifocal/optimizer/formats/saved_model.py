"""Format saved-model: the folder of a TensorFlow 2 SavedModel, converted by tf2onnx.

Trust: see `saved_model_graph`, which checks the graph before TensorFlow loads it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.kind import saved_model_folder
from trifocal.optimizer.formats.member_limits import refused
from trifocal.optimizer.formats.opened import first_line
from trifocal.optimizer.formats.saved_model_graph import WHAT, check_graph
from trifocal.optimizer.formats.tensorflow_export import quiet, use_tensorflow, write_onnx

_SIGNATURE = "serving_default"


def open_saved_model(path: Path, spec: ModelSpec) -> "SavedModel":
    """Check and load an unpacked SavedModel.

    Raises:
        RefusedError: ModelInvalid: an operator or object that is not read; InputMismatch.
    """
    folder = saved_model_folder(path)
    if folder is None:
        raise refused(WHAT, "there is no saved_model.pb at its top")
    use_tensorflow()
    with quiet():
        check_graph(folder)
        import tensorflow as tf  # noqa: PLC0415 - heavy

        try:
            loaded = tf.saved_model.load(str(folder))
        except Exception as error:  # loaders raise whatever they met in the file
            raise refused(WHAT, f"TensorFlow cannot load it ({first_line(error)})") from error
    return SavedModel(loaded, spec)


class SavedModel:
    """One loaded SavedModel: its serving signature."""

    notes: tuple[str, ...] = ()

    def __init__(self, loaded: Any, spec: ModelSpec) -> None:
        """Choose signature, input and output.

        Raises:
            RefusedError: ModelInvalid or InputMismatch.
        """
        # TensorFlow frees the variables together with the object that holds them.
        self._loaded = loaded
        self._spec = spec
        self._signature = _signature(loaded)
        self._input = _input(self._signature, spec)
        outputs = sorted(self._signature.structured_outputs)
        self._output = spec.output if spec.output in outputs else outputs[0]

    @property
    def framework(self) -> str:
        """Name and version."""
        import tensorflow as tf  # noqa: PLC0415 - heavy

        return f"TensorFlow {tf.__version__}"

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The signature's answers [batch, ...]."""
        return np.asarray(self._answer(batch), np.float32)

    def write_onnx(self, target: Path) -> str:
        """Write the graph, and return the name of the answer.

        Raises:
            RefusedError: ModelInvalid.
        """
        return write_onnx(self._answer, self._spec, target, framework="TensorFlow")

    def _answer(self, image: Any) -> Any:
        import tensorflow as tf  # noqa: PLC0415 - heavy

        return self._signature(**{self._input: tf.convert_to_tensor(image)})[self._output]


def _signature(loaded: Any) -> Any:
    names = [name for name in loaded.signatures if not name.startswith("_")]
    if not names:
        raise refused(WHAT, "it has no signature; save it with tf.saved_model.save or model.export")
    return loaded.signatures[_SIGNATURE if _SIGNATURE in names else names[0]]


def _input(signature: Any, spec: ModelSpec) -> str:
    specs = signature.structured_input_signature[1]
    wanted = spec.inputs[0].shape
    found = [
        name for name, it in specs.items() if it.dtype == "float32" and _fits(it.shape, wanted)
    ]
    if len(specs) != 1 or not found:
        shown = ", ".join(
            f"'{name}' {it.dtype.name} {it.shape.as_list() if it.shape.rank is not None else '?'}"
            for name, it in specs.items()
        )
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0] says float32 with shape {list(wanted)} after the batch, but the "
            f"SavedModel's signature takes {shown}; change the spec, or save it with that input.",
        )
    return str(found[0])


def _fits(shape: Any, wanted: tuple[int, ...]) -> bool:
    if shape.rank is None:
        return True
    sizes = shape.as_list()
    return len(sizes) == len(wanted) + 1 and all(
        has in {None, want} for has, want in zip(sizes[1:], wanted, strict=True)
    )
