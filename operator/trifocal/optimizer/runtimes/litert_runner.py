"""Runs .tflite files in LiteRT's interpreter."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.formats.opened import in_batches
from trifocal.optimizer.formats.silence import silenced
from trifocal.optimizer.runtimes.backend import ModelRunError


class LiteRTRunner:
    """One file, loaded.

    Batches go through image by image, or in groups of the file's own size: a file could be resized,
    but constants that hold the old size would then give wrong answers.
    """

    def __init__(self, content: bytes, threads: int) -> None:
        """Load a file.

        Raises:
            ModelRunError: LiteRT cannot load it.
        """
        with _translated():
            self._interpreter = interpreter(content, threads)
            self._interpreter.allocate_tensors()
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelRunError(f"it has {len(inputs)} inputs and {len(outputs)} outputs")
        self._input, self._output = inputs[0], outputs[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """With the batch."""
        return tuple(int(size) for size in self._input["shape"])

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...].

        Raises:
            ModelRunError: The images have another shape, or LiteRT fails.
        """
        wanted = self.input_shape
        if batch.shape[1:] != wanted[1:] or not len(batch):
            raise ModelRunError(
                f"it takes images of shape {list(wanted[1:])} and was given an array of shape "
                f"{list(batch.shape)}"
            )
        with _translated():
            return in_batches(self._answer, np.asarray(batch, np.float32), wanted[0])

    def _answer(self, images: NDArray[np.float32]) -> NDArray[Any]:
        self._interpreter.set_tensor(self._input["index"], images)
        self._interpreter.invoke()
        # get_tensor copies: the next invocation overwrites the interpreter's own memory.
        return np.asarray(self._interpreter.get_tensor(self._output["index"]))


def interpreter(content: bytes, threads: int) -> Any:
    """An interpreter whose tensors are not allocated yet."""
    with silenced():  # protobuf's generated modules, and advice to use another class
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

        return Interpreter(model_content=content, num_threads=threads)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        text = str(error).strip()
        if "failed to allocate memory" in text.lower():
            raise MemoryError(text) from error
        raise ModelRunError(text.splitlines()[0][:300] if text else "unknown error") from error
