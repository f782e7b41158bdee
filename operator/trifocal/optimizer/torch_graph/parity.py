"""Proof by example that a module and an ONNX file give the same answers."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trifocal.optimizer.runtimes.backend import BuildError

MAX_RELATIVE_ERROR = 1e-3
"""Largest error, as a share of the answers' range: float32 sums in another order stay below 1e-4,
and a wrong operator is far above."""
_SMALLEST_RANGE = 1e-3
"""Of answers: below it sigmoids, which runtimes approximate to about 1e-7, would look wrong."""


def check_parity(path: Path, output: str, module: nn.Module, example: NDArray[np.float32]) -> None:
    """Compare on one batch.

    Raises:
        BuildError: They differ, in shape or in value.
    """
    expected = answers(path, output, example)
    with torch.no_grad():
        found = module(torch.from_numpy(example))
    got = found.numpy() if isinstance(found, torch.Tensor) else np.zeros(0)
    if got.shape != expected.shape:
        raise BuildError(
            f"the network as a PyTorch module answers with shape {list(got.shape)} instead of "
            f"{list(expected.shape)}; export the model again with a dynamic batch only"
        )
    error = relative_error(expected, got)
    if not error <= MAX_RELATIVE_ERROR:
        raise BuildError(
            f"the network as a PyTorch module answers differently: the largest error is "
            f"{error:.2g} of the answers' range, and {MAX_RELATIVE_ERROR:g} is allowed; export "
            f"the model again with standard operators"
        )


def answers(path: Path, output: str, batch: NDArray[np.float32]) -> NDArray[Any]:
    """What ONNX Runtime answers."""
    import onnxruntime as ort  # noqa: PLC0415 - takes a second

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([output], {session.get_inputs()[0].name: batch})[0])


def relative_error(expected: NDArray[Any], got: NDArray[Any]) -> float:
    """Largest absolute difference, divided by the range of what is expected; NaN for NaN."""
    if not expected.size:
        return 0.0
    spread = max(float(np.ptp(expected)), float(np.abs(expected).max()), _SMALLEST_RANGE)
    return float(np.abs(expected - got).max()) / spread
