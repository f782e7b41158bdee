"""The target tensorrt: what it says of itself, of an engine, and that it runs what it built."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.tiny_models import SIZE, colour_classifier, save
from tests.unit.optimizer.runtimes.tensorrt.fake_gpu import FakeCuda, FakeEngine
from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import (
    WHOLE_GPU,
    Config,
    FakeTensorRT,
    Severity,
    succeeds,
)
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import ModelRunError, Order
from trifocal.optimizer.runtimes.tensorrt.backend import RELEASE_VARIABLE, TensorRT, installed
from trifocal.triton.tensorrt import EngineOrigin


def no_gpu() -> FakeCuda:
    raise ModelRunError("there is none")


def order(folder: Path) -> Order:
    return Order(
        model=ImportedModel(
            path=save(colour_classifier(), folder / "model.onnx"),
            input="x",
            input_shape=(3, SIZE, SIZE),
            output="scores",
            fixed_batch=None,
        ),
        recipe=Recipe(runtime="tensorrt", precision="fp32"),
        calibration=None,
        max_batch=4,
        folder=folder,
        report=lambda _share, _detail: None,
    )


def test_the_version_holds_the_gpu_so_that_candidates_of_another_are_not_reused(
    tmp_path: Path,
) -> None:
    backend = TensorRT(FakeTensorRT(), FakeCuda, tmp_path)
    assert backend.version().startswith(
        "tensorrt 11.2.1.2 (NVIDIA L4, compute capability 8.9, CUDA 13, "
    )
    assert backend.suffix == ".plan"
    assert sorted(backend.precisions) == ["fp16", "fp32", "int8", "int8-qat"]


def test_the_manifest_is_told_where_the_engine_is_valid(tmp_path: Path) -> None:
    backend = TensorRT(FakeTensorRT(succeeds(b"engine")), FakeCuda, tmp_path, release="26.07")
    product = backend.build(order(tmp_path), tmp_path / "model.plan")
    assert product.path.read_bytes() == b"engine"
    origin = EngineOrigin.model_validate(product.facts["engine"])
    assert (origin.tensorrt, origin.triton_release, origin.gpu, origin.compute_capability) == (
        "11.2.1.2",
        "26.07",
        "NVIDIA L4",
        "8.9",
    )
    assert (product.facts["workspaceBytes"], product.facts["layers"]) == (WHOLE_GPU, 7)


def test_kernels_that_were_left_out_for_want_of_memory_are_noted(tmp_path: Path) -> None:
    def step(_trt: FakeTensorRT, _config: Config, logger: Any) -> bytes:
        text = "Skipping tactic 3 due to insufficient memory on requested size of 538"
        for _ in range(2):
            logger.log(Severity.WARNING, text)
        return b"engine"

    product = TensorRT(FakeTensorRT(step), no_gpu, tmp_path).build(
        order(tmp_path), tmp_path / "model.plan"
    )
    (note,) = product.notes
    assert note.startswith("TensorRT left out 2 kernels for want of GPU memory; let the build have")
    assert len(product.facts["warnings"]) == 1


def test_an_engine_is_run_by_the_tensorrt_that_built_it(tmp_path: Path) -> None:
    cuda = FakeCuda()
    trt = FakeTensorRT(succeeds(b"engine"), engine=FakeEngine(cuda, largest=4))
    backend = TensorRT(trt, lambda: cuda, tmp_path)
    asked = order(tmp_path)
    path = backend.build(asked, tmp_path / "model.plan").path
    runner = backend.load(path, asked.model, threads=1)
    assert runner.run(np.ones((6, 2, 2), np.float32)).tolist() == [[4.0]] * 6
    assert trt.loaded == [b"engine"]


def test_without_a_gpu_an_engine_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "model.plan"
    path.write_bytes(b"engine")
    with pytest.raises(ModelRunError, match="there is none"):
        TensorRT(FakeTensorRT(), no_gpu, tmp_path).load(path, order(tmp_path).model, threads=1)


def test_the_images_own_tensorrt_is_used_and_its_release_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRT(succeeds()))
    monkeypatch.setenv(RELEASE_VARIABLE, "26.09")
    product = installed(tmp_path).build(order(tmp_path), tmp_path / "model.plan")
    assert product.facts["engine"]["tritonRelease"] == "26.09"


def test_an_image_without_tensorrt_has_no_such_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(ImportError):
        installed(tmp_path)
