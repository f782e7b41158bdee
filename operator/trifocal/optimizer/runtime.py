"""Runs ONNX files in ONNX Runtime on CPU, with the serving pods' number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_ALLOCATION_FAILURES = ("failed to allocate memory", "bad allocation", "bad_alloc")


class Runner(Protocol):
    """A loaded model."""

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Scores for a batch.

        Raises:
            ModelRunError: The runtime refuses.
        """


class ModelRunError(Exception):
    """The runtime cannot load or run a model; `str()` is its first line."""


class OnnxRunner:
    """One ONNX file, loaded."""

    def __init__(self, path: Path, output: str | None, threads: int) -> None:
        """Load a file; `output` None means the graph's first.

        Raises:
            ModelRunError: ONNX Runtime cannot load it.
        """
        with _translated():
            self._session = _session(path, threads)
            self._input = self._session.get_inputs()[0].name
            self._output = output or self._session.get_outputs()[0].name

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Scores for a batch."""
        with _translated():
            answers = self._session.run([self._output], {self._input: batch})
        return np.asarray(answers[0])


def save_optimized(source: Path, target: Path) -> None:
    """Write the graph after ONNX Runtime's own optimizations that hold on every CPU.

    EXTENDED fuses nodes; the level above it lays weights out for this very CPU.

    Raises:
        ModelRunError: ONNX Runtime cannot load it.
    """
    import onnxruntime as ort  # noqa: PLC0415 - takes a second; the CLI's other commands do without

    options = _options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    with _translated():
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def _session(path: Path, threads: int) -> Any:
    import onnxruntime as ort  # noqa: PLC0415 - see above

    return ort.InferenceSession(str(path), _options(threads), providers=["CPUExecutionProvider"])


def _options(threads: int) -> Any:
    import onnxruntime as ort  # noqa: PLC0415 - see above

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors: warnings speak to ONNX Runtime's developers
    return options


@contextmanager
def _translated() -> Iterator[None]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - see above

    errors = (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
        state.EPFail,
        state.EngineError,
    )
    try:
        yield
    except errors as error:
        text = str(error).strip()
        if any(sign in text.lower() for sign in _ALLOCATION_FAILURES):
            raise MemoryError(text) from error
        raise ModelRunError(text.splitlines()[0][:300] if text else "unknown error") from error
