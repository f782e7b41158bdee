"""The driver's functions are called as cuda.h declares them: through a compiled stand-in.

No GPU is needed. What a stand-in cannot show is that a real driver behaves like it.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.tensorrt.cuda import Driver
from trifocal.optimizer.runtimes.tensorrt.place import Device


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    source = Path(__file__).with_name("driver.c")
    command = ["gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(target), str(source)]
    subprocess.run(command, check=True)  # noqa: S603 - fixed words
    return str(target)


def test_the_gpu_is_described(library: str) -> None:
    assert Driver(library).device() == Device(
        product="NVIDIA L4", compute_capability="8.9", cuda=13
    )


def test_arrays_come_back_as_they_were_sent(library: str) -> None:
    driver = Driver(library)
    driver.activate()
    stream = driver.create_stream()
    sent = np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32)
    address = driver.allocate(sent.nbytes)
    driver.upload(address, sent, stream)
    got = np.empty_like(sent)
    driver.download(got, address, stream)
    driver.synchronize(stream)
    assert np.array_equal(got, sent)
    driver.free(address)
    driver.destroy_stream(stream)


def test_an_error_is_told_with_its_text(library: str) -> None:
    driver = Driver(library)
    with pytest.raises(ModelRunError, match="cuMemAlloc_v2 failed with error 2: out of memory"):
        driver.allocate(1 << 41)
    with pytest.raises(ModelRunError, match="cuStreamDestroy_v2 failed with error 1: unknown"):
        driver.destroy_stream(1)


def test_an_array_with_gaps_is_never_sent(library: str) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        Driver(library).upload(0, np.zeros((4, 4), np.float32)[:, ::2], 0)


def test_a_driver_without_a_gpu_is_told(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NO_DEVICE", "1")
    with pytest.raises(ModelRunError, match="cuInit failed with error 100: no CUDA-capable device"):
        Driver(library)


def test_a_machine_without_a_driver_is_told() -> None:
    with pytest.raises(
        ModelRunError, match=r"libno-driver.so is missing: there is no NVIDIA drive"
    ):
        Driver("libno-driver.so")
