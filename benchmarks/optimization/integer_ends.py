"""Runs .tflite files whose inputs and outputs are integers, as litert-quantizer's recipe has them.

Trifocal's own files keep float32 there. Who uses the plain recipe converts by hand, as here.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.litert_runner import interpreter


class IntegerEnds:
    """One file for one image at a time."""

    def __init__(self, path: Path, threads: int) -> None:
        """Raises ModelRunError where LiteRT refuses the file."""
        try:
            self._interpreter = interpreter(path.read_bytes(), threads)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelRunError(str(error).splitlines()[0]) from error
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...] in float32."""
        return np.concatenate([self._answer(image[None]) for image in batch])

    def _answer(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        self._interpreter.set_tensor(self._input["index"], _rounded(image, self._input))
        self._interpreter.invoke()
        return _real(self._interpreter.get_tensor(self._output["index"]), self._output)


def _rounded(image: NDArray[np.float32], end: dict[str, Any]) -> NDArray[Any]:
    scale, zero = end["quantization"]
    if not scale:
        return image
    limits = np.iinfo(end["dtype"])
    rounded = np.clip(np.round(image / scale) + zero, limits.min, limits.max)
    return np.asarray(rounded, end["dtype"])


def _real(values: NDArray[Any], end: dict[str, Any]) -> NDArray[np.float32]:
    scale, zero = end["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale if scale else values, np.float32)
