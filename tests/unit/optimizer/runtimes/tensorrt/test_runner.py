"""Running an engine: batches, copies and memory, with a GPU that is a dictionary."""

import gc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import FakeTensorRT, TensorIOMode
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.tensorrt.place import Device
from trifocal.optimizer.runtimes.tensorrt.runner import EngineRunner

STREAM = 77


class FakeCuda:
    """Memory by address; what was called, in order."""

    def __init__(self) -> None:
        self.memory: dict[int, bytearray] = {}
        self.calls: list[str] = []
        self._next = 1

    def device(self) -> Device:
        return Device(product="fake", compute_capability="8.9", cuda=13)

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


def images(count: int) -> NDArray[np.float32]:
    return np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2)


def runner(engine: FakeEngine, cuda: FakeCuda) -> EngineRunner:
    return EngineRunner(FakeTensorRT(engine=engine), b"plan", cuda, "scores")


def test_answers_are_those_of_the_output_in_the_order_of_the_images() -> None:
    cuda = FakeCuda()
    engine = FakeEngine(cuda, largest=4)
    got = runner(engine, cuda).run(images(3))
    assert got.tolist() == [[6.0], [22.0], [38.0]]  # 0+1+2+3, 4+5+6+7, 8+9+10+11
    assert engine.batches == [3]


@pytest.mark.parametrize(("largest", "parts"), [(2, [2, 2, 1]), (1, [1] * 5)])
def test_a_batch_that_is_too_large_is_run_in_parts(largest: int, parts: list[int]) -> None:
    cuda = FakeCuda()
    engine = FakeEngine(cuda, largest=largest, fixed=largest == 1)
    assert runner(engine, cuda).run(images(5))[:, 0].tolist() == [6, 22, 38, 54, 70]
    assert engine.batches == parts


def test_inputs_are_made_contiguous_and_of_the_engines_type() -> None:
    cuda = FakeCuda()
    flipped = images(2).astype(np.float64)[:, ::-1]
    assert runner(FakeEngine(cuda, largest=4), cuda).run(flipped)[:, 0].tolist() == [6, 22]


def test_memory_is_kept_for_the_next_batch_and_grows_with_it() -> None:
    cuda = FakeCuda()
    loaded = runner(FakeEngine(cuda, largest=4), cuda)
    loaded.run(images(2))
    first = [call for call in cuda.calls if call.startswith("allocate")]
    assert sorted(first) == [
        "allocate 32",
        "allocate 4",
        "allocate 8",
    ]  # x, extra (float16), scores
    cuda.calls.clear()
    loaded.run(images(1))
    assert cuda.calls == ["activate", f"synchronize {STREAM}"]
    loaded.run(images(4))
    assert cuda.calls.count("free") == 3
    assert len(cuda.memory) == 3


def test_memory_and_stream_are_given_back() -> None:
    cuda = FakeCuda()
    loaded = runner(FakeEngine(cuda, largest=4), cuda)
    loaded.run(images(1))
    del loaded
    gc.collect()
    assert cuda.memory == {}
    assert cuda.calls[-1] == f"destroy {STREAM}"


def test_a_shape_that_the_engine_does_not_take_is_told() -> None:
    cuda = FakeCuda()
    engine = FakeEngine(cuda, largest=4)
    engine.accepts = False
    with pytest.raises(ModelRunError, match="refuses to run, and says: nothing"):
        runner(engine, cuda).run(images(1))


def test_an_output_whose_size_depends_on_the_image_is_told() -> None:
    cuda = FakeCuda()
    engine = FakeEngine(cuda, largest=4)
    engine.grows = True
    with pytest.raises(ModelRunError, match="size of output 'extra' depends on the image; export"):
        runner(engine, cuda).run(images(1))


def test_an_engine_that_is_refused_is_told() -> None:
    with pytest.raises(ModelRunError, match=r"TensorRT 11.2.1.2 cannot load it, and says: nothing"):
        EngineRunner(FakeTensorRT(engine=None), b"plan", FakeCuda(), "scores")


def test_a_gpu_without_memory_for_the_engine_is_told() -> None:
    cuda = FakeCuda()
    with pytest.raises(ModelRunError, match="cannot run it"):
        runner(NoMemoryEngine(cuda, largest=1), cuda)


def test_a_runtime_that_did_not_start_is_not_used() -> None:
    trt = FakeTensorRT(starts=False)
    with pytest.raises(ModelRunError, match="needs a GPU"):
        EngineRunner(trt, b"plan", FakeCuda(), "scores")
    assert trt.loaded == []
