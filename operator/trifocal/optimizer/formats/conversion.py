"""Step `import`, first half: whatever the source's format is, an ONNX file that answers the same.

Trust: the file's kind is decided by its content, each format's module checks all of it by a list
of what is allowed, and only then a framework's loader sees it, in this process. What runs
afterwards is arithmetic of that list. The Job's sandbox (no token, no root, bounded memory and
time) is the second wall, not the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.canonical import OUTPUT, canonicalize
from trifocal.optimizer.formats.kind import check_kind
from trifocal.optimizer.formats.opened import OpenedModel, in_batches
from trifocal.optimizer.formats.parity import Parity, compared
from trifocal.optimizer.importing import load_model
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The source as ONNX."""

    onnx: Path
    parity: Parity | None
    """None for a source that is ONNX already: there is nothing to compare."""
    notes: tuple[str, ...] = ()
    """Sentences for the report."""


def convert(
    path: Path, spec: ModelSpec, folder: Path, examples: Sequence[NDArray[np.float32]]
) -> Converted:
    """Convert a source file, or the folder of an unpacked SavedModel, to ONNX in `folder`.

    `examples` are preprocessed images without the batch dimension, at least one, on which the
    ONNX file must answer as the source does. The graph's input is named as the spec says, its
    answer as spec.model.output says or else `output`; its batch is open where the source's is.

    Raises:
        RefusedError: ModelInvalid or InputMismatch, with what the file is or has instead.
    """
    kind = check_kind(path, spec.format)
    if spec.format == "onnx":
        return Converted(onnx=path, parity=None)
    opened = _open(path, kind, spec, folder)
    batch = np.stack(list(examples)).astype(np.float32)
    _check_shape(batch, spec)
    expected = opened.run(batch)
    target = folder / "converted.onnx"
    answer = opened.write_onnx(target)
    canonicalize(
        target,
        input_name=spec.inputs[0].name,
        answer=answer,
        output_name=spec.output or OUTPUT,
    )
    parity = compared(expected, _answers(target, batch), spec.task, len(spec.labels))
    return Converted(onnx=target, parity=parity, notes=(*opened.notes, _sentence(opened, parity)))


def _open(path: Path, kind: str, spec: ModelSpec, folder: Path) -> OpenedModel:
    # Each framework takes seconds to import, and no Job needs two of them here.
    if spec.format == "torch-weights":
        from trifocal.optimizer.formats.torch_weights import open_weights  # noqa: PLC0415

        return open_weights(path, spec)
    if spec.format == "torch-exported":
        from trifocal.optimizer.formats.torch_exported import open_program  # noqa: PLC0415

        return open_program(path, spec)
    if spec.format == "keras":
        from trifocal.optimizer.formats.keras_model import open_keras  # noqa: PLC0415

        return open_keras(path, spec, folder, legacy=kind == "hdf5")
    from trifocal.optimizer.formats.saved_model import open_saved_model  # noqa: PLC0415

    return open_saved_model(path, spec)


def _check_shape(batch: NDArray[np.float32], spec: ModelSpec) -> None:
    if batch.shape[1:] != spec.inputs[0].shape:
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0].shape is {list(spec.inputs[0].shape)}, but preprocessing makes "
            f"{list(batch.shape[1:])}; change one of them.",
        )


def _answers(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        runner = OnnxRunner(path, None, threads=1)
        return in_batches(runner.run, batch, _fixed_batch(path))
    except ModelRunError as error:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The source model was converted to ONNX, but ONNX Runtime refuses the file: {error}. "
            f"Export it to ONNX with its own framework, and name that file as the source.",
        ) from error


def _fixed_batch(path: Path) -> int | None:
    return load_model(path).graph.input[0].type.tensor_type.shape.dim[0].dim_value or None


def _sentence(opened: OpenedModel, parity: Parity) -> str:
    return (
        f"Converted from {opened.framework}: the ONNX file answers within {parity.max_abs:.2g} "
        f"({parity.max_rel:.2g} of the largest) on {parity.items} images."
    )
