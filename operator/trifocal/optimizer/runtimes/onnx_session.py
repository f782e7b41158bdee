"""Sessions of ONNX Runtime on CPU, with the serving pods' number of threads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import ModelRunError

_ALLOCATION_FAILURES = ("failed to allocate memory", "bad allocation", "bad_alloc")


class OnnxRunner:
    """One ONNX file, loaded."""

    def __init__(self, path: Path, output: str | None, threads: int) -> None:
        """Load a file; `output` None means the graph's first.

        Raises:
            ModelRunError: ONNX Runtime cannot load it.
        """
        with translated():
            self._session = session(str(path), threads)
            self._input = self._session.get_inputs()[0].name
            self._output = output or self._session.get_outputs()[0].name
            known = [it.name for it in self._session.get_outputs()]
        if self._output not in known:
            raise ModelRunError(f"it has no output '{self._output}', but {', '.join(known)}")

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...] of the chosen output."""
        with translated():
            answers = self._session.run([self._output], {self._input: batch})
        return np.asarray(answers[0])


def answers(
    model: bytes | Path, batches: Sequence[NDArray[Any]], outputs: Sequence[str] | None = None
) -> list[list[NDArray[Any]]]:
    """For each batch, the named outputs (default: all).

    Raises:
        ModelRunError: ONNX Runtime refuses.
    """
    with translated():
        loaded = session(model if isinstance(model, bytes) else str(model), threads=1)
        name = loaded.get_inputs()[0].name
        return [loaded.run(outputs, {name: batch}) for batch in batches]


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
    with translated():
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def session(model: str | bytes, threads: int) -> Any:
    """An InferenceSession of a file or of a model's bytes."""
    import onnxruntime as ort  # noqa: PLC0415 - see above

    return ort.InferenceSession(model, _options(threads), providers=["CPUExecutionProvider"])


def _options(threads: int) -> Any:
    import onnxruntime as ort  # noqa: PLC0415 - see above

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors: warnings speak to ONNX Runtime's developers
    return options


@contextmanager
def translated() -> Iterator[None]:
    """ONNX Runtime's exceptions become ModelRunError, and MemoryError where it lacks memory."""
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
