"""Runs an engine on the GPU, copies to and from it included: what a request costs in Triton."""

import ctypes
import weakref
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.tensorrt.api import ICudaEngine, IExecutionContext, Module
from trifocal.optimizer.runtimes.tensorrt.cuda import Cuda
from trifocal.optimizer.runtimes.tensorrt.failure import quoted, why_no_gpu
from trifocal.optimizer.runtimes.tensorrt.messages import Messages, heard


@dataclass(frozen=True)
class _Memory:
    address: int
    size: int


class EngineRunner:
    """One engine, loaded. Batches above the profile's largest are run in parts."""

    def __init__(self, trt: Module, plan: bytes, cuda: Cuda, output: str) -> None:
        """Load a serialized engine.

        Raises:
            ModelRunError: TensorRT refuses it, or has no memory for it.
        """
        cuda.activate()
        self._trt = trt
        self._cuda = cuda
        self._messages = Messages()
        with heard(trt, self._messages) as listener:
            # The runtime must live as long as its engine.
            self._runtime, engine = _loaded(trt, plan, listener, self._messages)
            self._context = _context_of(engine, self._messages)
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self._output = output
        self._input = next(
            name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        )
        self._types = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}
        self._largest = _largest_batch(engine, self._input)
        self._stream = cuda.create_stream()
        self._memory: dict[str, _Memory] = {}
        weakref.finalize(self, _release, cuda, self._memory, self._stream)

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...] for inputs [batch, ...].

        Raises:
            ModelRunError: The GPU or TensorRT refuses.
        """
        self._cuda.activate()
        self._messages = Messages()
        parts = range(0, len(batch), self._largest)
        with heard(self._trt, self._messages):
            return np.concatenate([self._execute(batch[i : i + self._largest]) for i in parts])

    def _execute(self, batch: NDArray[Any]) -> NDArray[Any]:
        images = np.ascontiguousarray(batch, self._types[self._input])
        if not self._context.set_input_shape(self._input, images.shape):
            raise self._refusal()
        self._cuda.upload(self._place(self._input, images.nbytes), images, self._stream)
        answers = {
            name: np.empty(self._shape(name), dtype)
            for name, dtype in self._types.items()
            if name != self._input
        }
        for name, array in answers.items():
            self._place(name, array.nbytes)
        if not self._context.execute_async_v3(self._stream):
            raise self._refusal()
        answer = answers[self._output]
        self._cuda.download(answer, self._memory[self._output].address, self._stream)
        self._cuda.synchronize(self._stream)
        return answer

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._context.get_tensor_shape(name))
        if min(shape, default=0) < 0:
            raise ModelRunError(
                f"the size of output '{name}' depends on the image; export the model without the "
                "step that selects (non-maximum suppression, NonZero), and do it in the client"
            )
        return shape

    def _place(self, name: str, size: int) -> int:
        """Address of memory for a tensor, of which the context is told."""
        held = self._memory.get(name)
        if held is None or held.size < size:
            if held is not None:
                self._cuda.free(self._memory.pop(name).address)
            # TensorRT wants an address for an empty tensor, too.
            self._memory[name] = held = _Memory(self._cuda.allocate(max(size, 1)), size)
        if not self._context.set_tensor_address(name, held.address):
            raise self._refusal()
        return held.address

    def _refusal(self) -> ModelRunError:
        return ModelRunError(f"TensorRT refuses to run, and says: {quoted(self._messages.errors)}")


def _loaded(trt: Module, plan: bytes, listener: Any, messages: Messages) -> tuple[Any, ICudaEngine]:
    runtime = trt.Runtime(listener)
    if messages.errors:
        # Where CUDA does not start, TensorRT 10 and 11 wrap a null pointer: to use it, and even to
        # free it, ends the process.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(runtime))
    engine = None if messages.errors else runtime.deserialize_cuda_engine(plan)
    if engine is None:
        why = why_no_gpu(messages.errors)
        raise ModelRunError(
            why or f"TensorRT {trt.__version__} cannot load it, and says: {quoted(messages.errors)}"
        )
    return runtime, engine


def _context_of(engine: ICudaEngine, messages: Messages) -> IExecutionContext:
    context = engine.create_execution_context()
    if context is None:
        raise ModelRunError(f"TensorRT cannot run it, and says: {quoted(messages.errors)}")
    return context


def _largest_batch(engine: ICudaEngine, name: str) -> int:
    fixed = engine.get_tensor_shape(name)[0]
    return int(fixed if fixed >= 0 else engine.get_tensor_profile_shape(name, 0)[2][0])


def _release(cuda: Cuda, memory: MutableMapping[str, _Memory], stream: int) -> None:
    cuda.activate()
    for held in memory.values():
        cuda.free(held.address)
    cuda.destroy_stream(stream)
