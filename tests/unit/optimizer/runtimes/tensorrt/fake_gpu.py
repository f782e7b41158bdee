"""A GPU that is a dictionary, and an engine that adds up images on it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import TensorIOMode
from trifocal.optimizer.runtimes.tensorrt.place import Device

STREAM = 77


class FakeCuda:
    """Memory by address; what was called, in order."""

    def __init__(self) -> None:
        self.memory: dict[int, bytearray] = {}
        self.calls: list[str] = []
        self._next = 1

    def device(self) -> Device:
        return Device(product="NVIDIA L4", compute_capability="8.9", cuda=13)

    def activate(self) -> None:
        self.calls.append("activate")

    def create_stream(self) -> int:
        return STREAM

    def destroy_stream(self, stream: int) -> None:
        self.calls.append(f"destroy {stream}")

    def allocate(self, size: int) -> int:
        self.calls.append(f"allocate {size}")
        self._next += 1
        self.memory[self._next] = bytearray(size)
        return self._next

    def free(self, address: int) -> None:
        self.calls.append("free")
        del self.memory[address]

    def upload(self, address: int, array: NDArray[Any], stream: int) -> None:
        assert stream == STREAM
        self.memory[address][: array.nbytes] = array.tobytes()

    def download(self, array: NDArray[Any], address: int, stream: int) -> None:
        assert stream == STREAM
        content = bytes(self.memory[address][: array.nbytes])
        array[...] = np.frombuffer(content, array.dtype).reshape(array.shape)

    def synchronize(self, stream: int) -> None:
        self.calls.append(f"synchronize {stream}")


class FakeEngine:
    """Answers the sum of each image, and a second output that nobody asks for."""

    num_io_tensors = 3
    _names = ("x", "extra", "scores")

    def __init__(self, cuda: FakeCuda, *, largest: int, fixed: bool = False) -> None:
        self._cuda = cuda
        self._largest = largest
        self._fixed = fixed
        self._addresses: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self.accepts = True
        self.grows = False
        self.batches: list[int] = []

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_mode(self, name: str) -> Any:
        return TensorIOMode.INPUT if name == "x" else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return np.float16 if name == "extra" else np.float32

    def get_tensor_shape(self, name: str) -> Sequence[int]:
        if name == "x":
            return self._shape or (self._largest if self._fixed else -1, 2, 2)
        return (-1 if self.grows else self._shape[0], 1)

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> Sequence[Sequence[int]]:
        assert (name, profile_index) == ("x", 0)
        return ((1, 2, 2), (1, 2, 2), (self._largest, 2, 2))

    def create_execution_context(self) -> Any:
        return self

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
        assert name == "x"
        self._shape = tuple(shape)
        return self.accepts

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == STREAM
        assert set(self._addresses) == set(self._names)
        self.batches.append(self._shape[0])
        memory = self._cuda.memory
        size = int(np.prod(self._shape)) * 4
        images = np.frombuffer(bytes(memory[self._addresses["x"]][:size]), np.float32)
        sums = images.reshape(self._shape).sum((1, 2))[:, None]
        memory[self._addresses["scores"]][: sums.nbytes] = sums.tobytes()
        return True


class NoMemoryEngine(FakeEngine):
    def create_execution_context(self) -> Any:
        return None
