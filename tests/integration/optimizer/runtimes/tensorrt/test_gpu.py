"""Engines on a real GPU: run wherever `tensorrt` and a GPU are, and nowhere else.

The right answers are ONNX Runtime's, or arithmetic by hand.
"""

import ctypes
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_models import colour_classifier, save
from trifocal.api.techniques import Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order, Product
from trifocal.optimizer.runtimes.tensorrt.backend import TensorRT, installed
from trifocal.optimizer.runtimes.tensorrt.cuda import LIBRARY, Driver
from trifocal.optimizer.runtimes.tensorrt.engine import Settings
from trifocal.triton.tensorrt import EngineOrigin


def _driver() -> Driver | None:
    try:
        return Driver()
    except ModelRunError:
        return None


pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="needs tensorrt"),
    pytest.mark.skipif(_driver() is None, reason="needs a GPU"),
]
SIDE = 32
MIB = 1 << 20


def imported(path: Path, shape: tuple[int, ...] = (3, 8, 8)) -> ImportedModel:
    return ImportedModel(path=path, input="x", input_shape=shape, output="scores", fixed_batch=None)


def order(
    model: ImportedModel,
    folder: Path,
    precision: Precision = "fp32",
    report: Callable[[float, str], None] = lambda _share, _detail: None,
) -> Order:
    def read(path: Path) -> NDArray[np.float32]:
        image: NDArray[np.float32] = images(1, model.input_shape, seed=int(path.name))[0]
        return image

    return Order(
        model=model,
        recipe=Recipe(
            runtime="tensorrt",
            precision=precision,
            calibration="minmax" if precision == "int8" else None,
        ),
        calibration=Calibration(images=[Path(str(number)) for number in range(16)], read=read),
        max_batch=4,
        folder=folder,
        report=report,
    )


def images(count: int, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def convolutions(path: Path, *, channels: int = 32, depth: int = 3) -> ImportedModel:
    """Random weights of a size that keeps values near 1; means over the picture are the answer."""
    rng = np.random.default_rng(1)
    nodes, weights, last, width = [], [], "x", 3
    for number in range(depth):
        scale = np.sqrt(2 / (9 * width))
        weight = (rng.normal(size=(channels, width, 3, 3)) * scale).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes += [
            helper.make_node("Conv", [last, f"w{number}"], [f"c{number}"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"c{number}"], [f"r{number}"]),
        ]
        last, width = f"r{number}", channels
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", channels])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, path)
    return imported(path, (3, SIDE, SIDE))


def expected(model: ImportedModel, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.path)
    answer: NDArray[np.float32] = session.run([model.output], {model.input: batch})[0]
    return answer


def build(backend: TensorRT, it: Order) -> Product:
    return backend.build(it, it.folder / "model.plan")


def test_arrays_come_back_as_they_were_sent() -> None:
    driver = Driver()
    driver.activate()
    stream = driver.create_stream()
    sent = images(3, (5, 7))
    address = driver.allocate(sent.nbytes)
    driver.upload(address, sent, stream)
    got = np.empty_like(sent)
    driver.download(got, address, stream)
    driver.synchronize(stream)
    assert np.array_equal(got, sent)
    driver.free(address)
    driver.destroy_stream(stream)


def test_more_memory_than_there_is_is_told_as_that() -> None:
    driver = Driver()
    driver.activate()
    with pytest.raises(ModelRunError, match="cuMemAlloc_v2 failed with error 2: out of memory"):
        driver.allocate(1 << 50)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("fp32", 2e-3), ("fp16", 5e-3), ("int8", 0.1)]
)
def test_an_engine_answers_as_its_source(
    tmp_path: Path, precision: Precision, tolerance: float
) -> None:
    """fp32 is within what TF32's 10 bits leave of a product; int8 within its 127 steps."""
    backend = installed(tmp_path / "timing")
    model = convolutions(tmp_path / "model.onnx")
    product = build(backend, order(model, tmp_path, precision))
    runner = backend.load(product.path, model, 1)
    batch = images(11, model.input_shape, seed=99)  # two full batches of 4, and one of 3
    right = expected(model, batch)
    got = runner.run(batch)
    assert got.shape == right.shape
    assert got.dtype == np.float32
    assert np.abs(got - right).max() < tolerance * np.abs(right).max()


def test_batches_of_every_size_and_order_get_their_own_answers(tmp_path: Path) -> None:
    backend = installed(tmp_path / "timing")
    model = convolutions(tmp_path / "model.onnx")
    runner = backend.load(build(backend, order(model, tmp_path)).path, model, 1)
    batch = images(9, model.input_shape)
    one_by_one = np.concatenate([runner.run(image[None]) for image in batch])
    for size in (1, 4, 2, 9, 3, 1):
        assert np.allclose(runner.run(batch[:size]), one_by_one[:size], rtol=5e-3, atol=1e-3)


def test_the_origin_is_this_gpu_and_this_tensorrt(tmp_path: Path) -> None:
    backend = installed(tmp_path / "timing")
    product = build(
        backend, order(imported(save(colour_classifier(), tmp_path / "m.onnx")), tmp_path)
    )
    origin = EngineOrigin.model_validate(product.facts["engine"])
    device = Driver().device()
    assert (origin.gpu, origin.compute_capability) == (device.product, device.compute_capability)
    assert origin.tensorrt == importlib.import_module("tensorrt").__version__
    assert device.product in backend.version()
    assert product.facts["workspaceBytes"] > 0
    assert product.facts["warnings"] == []


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    told: list[float] = []
    model = convolutions(tmp_path / "model.onnx")
    build(
        installed(tmp_path / "timing"),
        order(model, tmp_path, report=lambda share, _detail: told.append(share)),
    )
    assert told == sorted(told)
    assert len(told) > 3
    assert 0.9 < told[-1] <= 1


class Cancelled(BaseException):
    """As an optimizer that is told to stop."""


def test_a_build_can_be_cancelled(tmp_path: Path) -> None:
    def stop(_share: float, _detail: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        build(
            installed(tmp_path / "timing"),
            order(convolutions(tmp_path / "model.onnx"), tmp_path, report=stop),
        )


def test_timings_are_kept_and_used_again(tmp_path: Path) -> None:
    """The second build measures nothing new, so the file stays as it is."""
    model = convolutions(tmp_path / "model.onnx")
    contents = []
    for _ in range(2):
        build(installed(tmp_path / "timing"), order(model, tmp_path))
        (kept,) = (tmp_path / "timing").glob("*.timing")
        contents.append(kept.read_bytes())
    assert len(contents[0]) > 1000
    assert len(contents[1]) == len(contents[0])


@pytest.mark.parametrize("damage", [b"", b"no cache", None])
def test_a_damaged_timing_cache_is_as_good_as_none(tmp_path: Path, damage: bytes | None) -> None:
    model = convolutions(tmp_path / "model.onnx", depth=1)
    build(installed(tmp_path / "timing"), order(model, tmp_path))
    (kept,) = (tmp_path / "timing").glob("*.timing")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    build(installed(tmp_path / "timing"), order(model, tmp_path))
    assert len(kept.read_bytes()) > len(whole) // 2


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_damaged_engine_is_refused_in_a_sentence(tmp_path: Path, cut: int) -> None:
    backend = installed(tmp_path / "timing")
    model = imported(save(colour_classifier(), tmp_path / "m.onnx"))
    product = build(backend, order(model, tmp_path))
    product.path.write_bytes(product.path.read_bytes()[:cut])
    with pytest.raises(ModelRunError, match="cannot load it, and says: "):
        backend.load(product.path, model, 1)


def test_an_answer_whose_size_depends_on_the_image_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("NonZero", ["x"], ["scores"])],
        "selection",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.INT64, [4, "found"])],
    )
    model = imported(
        save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
            tmp_path / "m.onnx",
        )
    )
    backend = installed(tmp_path / "timing")
    # Without its plug-in library TensorRT has no NonZero at all.
    says = "size of output 'scores' depends on the image|has no NonZero"
    with pytest.raises((BuildError, ModelRunError), match=says):
        backend.load(build(backend, order(model, tmp_path)).path, model, 1).run(
            images(1, model.input_shape)
        )


def test_a_build_beside_a_loaded_engine_hears_its_own_messages(tmp_path: Path) -> None:
    """TensorRT keeps the logger of whoever came first, and warns about every other."""
    backend = installed(tmp_path / "timing")
    model = convolutions(tmp_path / "model.onnx")
    path = build(backend, order(model, tmp_path)).path
    loaded = backend.load(path, model, 1)
    assert build(backend, order(model, tmp_path, "fp16")).facts["warnings"] == []
    assert loaded.run(images(1, model.input_shape)).shape == (1, 32)


def test_nothing_is_left_on_the_gpu_by_a_runner_that_is_gone(tmp_path: Path) -> None:
    backend = installed(tmp_path / "timing")
    model = convolutions(tmp_path / "model.onnx")
    path = build(backend, order(model, tmp_path)).path
    backend.load(path, model, 1).run(images(4, model.input_shape))
    before = free_bytes()
    for _ in range(20):
        backend.load(path, model, 1).run(images(4, model.input_shape))
    assert free_bytes() > before - 8 * MIB


def test_a_gpu_that_others_fill_is_told_as_memory(tmp_path: Path) -> None:
    """Or the engine is built with less: either is right, a complaint about an operator is not."""
    model = convolutions(tmp_path / "model.onnx", channels=256, depth=4)
    backend = installed(tmp_path / "timing")
    with only(300 * MIB):
        try:
            product = build(backend, replace(order(model, tmp_path), max_batch=64))
        except BuildError as error:
            assert "memory" in str(error)  # noqa: PT017 - either is right
        else:
            assert product.path.stat().st_size > 0


def test_no_memory_to_load_an_engine_is_told(tmp_path: Path) -> None:
    model = convolutions(tmp_path / "model.onnx", channels=256, depth=4)
    backend = installed(tmp_path / "timing")
    path = build(backend, replace(order(model, tmp_path), max_batch=256)).path
    with only(8 * MIB), pytest.raises(ModelRunError, match=r"(?i)memory"):
        backend.load(path, model, 1).run(images(256, model.input_shape))


def test_a_workspace_that_is_too_small_is_told_or_enough(tmp_path: Path) -> None:
    model = convolutions(tmp_path / "model.onnx", channels=64)
    trt: Any = importlib.import_module("tensorrt")
    small = TensorRT(trt, Driver, tmp_path / "timing", settings=Settings(workspace_bytes=1))
    try:
        facts = build(small, order(model, tmp_path)).facts
    except BuildError as error:
        assert "workspace" in str(error)  # noqa: PT017 - either is right
    else:
        assert facts["workspaceBytes"] <= 1


def free_bytes() -> int:
    """On the GPU."""
    Driver().activate()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library = ctypes.CDLL(LIBRARY)
    assert library.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
    return free.value


@contextmanager
def only(size: int) -> Iterator[None]:
    """Leaves so much of the GPU's memory."""
    driver = Driver()
    driver.activate()
    held = driver.allocate(free_bytes() - size)
    try:
        yield
    finally:
        driver.activate()
        driver.free(held)
