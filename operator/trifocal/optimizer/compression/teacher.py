"""The network whose answers are imitated: an ONNX file, run by ONNX Runtime."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import BuildError


class Teacher:
    """Answers batches of images."""

    def __init__(self, path: Path, output: str, batch: int | None) -> None:
        """Load a file; `output` if it has one of that name, else its first.

        `batch` is the only batch size that it takes, None for any.

        Raises:
            BuildError: ONNX Runtime refuses the file.
        """
        import onnxruntime as ort  # noqa: PLC0415 - takes a second

        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise BuildError(f"the teacher cannot be loaded: {_line(error)}") from error
        names = [it.name for it in self._session.get_outputs()]
        self._output = output if output in names else names[0]
        self._input = self._session.get_inputs()[0].name
        self._batch = batch

    def answers(self, images: NDArray[np.float32]) -> torch.Tensor:
        """Its answers [batch, ...], float32.

        Raises:
            BuildError: It takes other images than the model.
        """
        step = self._batch or len(images)
        try:
            found = [
                self._session.run([self._output], {self._input: images[at : at + step]})[0]
                for at in range(0, len(images), step)
            ]
        except Exception as error:
            raise BuildError(
                f"the teacher does not take the model's input {list(images.shape)}: "
                f"{_line(error)}; name a teacher with the same input"
            ) from error
        return torch.from_numpy(np.concatenate(found).astype(np.float32))


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
