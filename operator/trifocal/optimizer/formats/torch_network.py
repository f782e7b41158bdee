"""A network in PyTorch: runs it, and exports it to ONNX."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.canonical import OUTPUT
from trifocal.optimizer.formats.opened import first_line, in_batches
from trifocal.optimizer.formats.silence import silenced

OPSET = 18
"""The exporter's own; others are reached by conversions that fail for some operators."""


class TorchNetwork:
    """One network that takes one image tensor [batch, ...]."""

    def __init__(
        self,
        network: torch.nn.Module,
        spec: ModelSpec,
        *,
        fixed_batch: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._network = _Answer(network, spec.output).eval()
        self._spec = spec
        self._fixed_batch = fixed_batch
        self.notes = tuple(notes)

    @property
    def framework(self) -> str:
        """Name and version."""
        return f"PyTorch {torch.__version__}"

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's answers [batch, ...].

        Raises:
            RefusedError: InputMismatch.
        """
        return in_batches(self._run, batch, self._fixed_batch)

    def write_onnx(self, target: Path) -> str:
        """Write the graph, and return the name of its output.

        Raises:
            RefusedError: ModelInvalid.
        """
        # A batch of one would be taken for a dimension that can be left out.
        size = self._fixed_batch or 2
        example = torch.zeros(size, *self._spec.inputs[0].shape)
        dynamic = None if self._fixed_batch else ({0: torch.export.Dim("batch", min=1)},)
        try:
            with _quiet():
                torch.onnx.export(
                    self._network,
                    (example,),
                    target,
                    dynamo=True,
                    dynamic_shapes=dynamic,
                    input_names=[self._spec.inputs[0].name],
                    output_names=[OUTPUT],
                    opset_version=OPSET,
                    external_data=False,
                    verbose=False,
                )
        except Exception as error:  # the exporter raises whatever it met in the network
            raise RefusedError(
                Reason.MODEL_INVALID,
                f"PyTorch cannot export the network to ONNX ({first_line(error)}); export it "
                f"yourself, and name the .onnx file as the source.",
            ) from error
        return OUTPUT

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            with torch.inference_mode(), _quiet():
                answer = self._network(torch.from_numpy(batch))
        except RefusedError:
            raise
        except Exception as error:  # networks raise whatever they like for a wrong input
            raise RefusedError(
                Reason.INPUT_MISMATCH,
                f"The network does not take {list(batch.shape)} ({first_line(error)}); correct "
                f"spec.model.inputs[0].shape and preprocessing.layout. PyTorch's own networks take "
                f"[channels, height, width].",
            ) from error
        return np.asarray(answer.numpy(), np.float32)


class _Answer(torch.nn.Module):
    """Of a network with several outputs, the one that is wanted."""

    def __init__(self, network: torch.nn.Module, wanted: str | None) -> None:
        super().__init__()
        self.network = network
        self._wanted = wanted

    @override
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return _chosen(self.network(image), self._wanted)


def _chosen(answers: Any, wanted: str | None) -> torch.Tensor:
    if isinstance(answers, Mapping) and answers:
        answers = answers.get(wanted, next(iter(answers.values())))
    elif isinstance(answers, Sequence) and answers:
        answers = answers[0]
    if not isinstance(answers, torch.Tensor):
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The network answers a {type(answers).__name__} instead of a tensor; export it to "
            f"ONNX with one output tensor, and name that file as the source.",
        )
    return answers


def _quiet() -> AbstractContextManager[None]:
    return silenced("torch.onnx", "torch.export", "onnxscript")
