"""Running an engine: batches, copies and memory, with a GPU that is a dictionary."""

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.optimizer.runtimes.tensorrt.fake_gpu import (
    STREAM,
    FakeCuda,
    FakeEngine,
    NoMemoryEngine,
)
from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import FakeTensorRT
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.tensorrt.runner import EngineRunner


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
