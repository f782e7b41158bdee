"""ExecuTorch programs, built and run by ExecuTorch."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trifocal.api.techniques import CalibrationMethod, Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order, Product
from trifocal.optimizer.runtimes.executorch import ExecuTorch
from trifocal.optimizer.torch_graph.parity import answers

with warnings.catch_warnings():
    # ExecuTorch reads its own files in ways that Python and torch call old.
    warnings.simplefilter("ignore")
    from executorch.extension.pybindings import portable_lib

    import trifocal.optimizer.runtimes.executorch_lowering as _loaded

    del _loaded

IMAGES = np.random.default_rng(1).uniform(0, 1, (5, 3, 16, 16)).astype(np.float32)
BACKEND = ExecuTorch()


def network(folder: Path, *, head: bool = True) -> ImportedModel:
    """Convolution, depthwise convolution, pooling; with a head, then two linear layers."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> NDArray[np.float32]:
        fan_in = int(np.prod(shape[1:]))
        return np.float32(np.sqrt(2 / fan_in)) * rng.standard_normal(shape, np.float32)

    tensors = {"w0": weights(32, 3, 3, 3), "w1": weights(32, 1, 3, 3)}
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], pads=[1, 1, 1, 1], group=32),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["scores" if not head else "f"]),
    ]
    if head:
        tensors |= {"w2": weights(256, 32), "w3": weights(10, 256)}
        nodes += [
            helper.make_node("Gemm", ["f", "w2"], ["g"], transB=1),
            helper.make_node("Relu", ["g"], ["h"]),
            helper.make_node("Gemm", ["h", "w3"], ["scores"], transB=1),
        ]
    return saved(nodes, tensors, (3, 16, 16), folder / f"source{head}.onnx")


def saved(
    nodes: list[Any], tensors: dict[str, Any], shape: tuple[int, ...], path: Path
) -> ImportedModel:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, path)
    return ImportedModel(
        path=path, input="image", input_shape=shape, output="scores", fixed_batch=None
    )


def built(
    model: ImportedModel,
    precision: Precision,
    folder: Path,
    *,
    calibration: CalibrationMethod | None = None,
    images: NDArray[np.float32] = IMAGES,
) -> Product:
    order = Order(
        model=model,
        recipe=Recipe(runtime="executorch", precision=precision, calibration=calibration),
        calibration=Calibration(
            images=[Path(str(index)) for index in range(len(images))],
            read=lambda path: images[int(path.name)],
        ),
        max_batch=8,
        folder=folder,
        report=lambda share, detail: None,  # noqa: ARG005 - nobody listens
    )
    return BACKEND.build(order, folder / f"{precision}.pte")


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("executorch")


@pytest.fixture(scope="module", name="model")
def _model(folder: Path) -> ImportedModel:
    return network(folder)


@pytest.fixture(scope="module", name="expected")
def _expected(model: ImportedModel) -> NDArray[np.float32]:
    """ONNX Runtime's answers: another implementation."""
    return answers(model.path, model.output, IMAGES)


@pytest.fixture(scope="module", name="fp32")
def _fp32(model: ImportedModel, folder: Path) -> Product:
    return built(model, "fp32", folder)


def error_of(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest error as a share of the answers' range."""
    return float(np.abs(found - expected).max() / np.ptp(expected))


@pytest.mark.parametrize("batch", [1, 3])
def test_float_answers_are_onnx_runtimes(
    fp32: Product, model: ImportedModel, expected: NDArray[np.float32], batch: int
) -> None:
    found = BACKEND.load(fp32.path, model, threads=1).run(IMAGES[:batch])
    assert found.shape == (batch, 10)
    assert error_of(found, expected[:batch]) < 1e-5
    assert fp32.facts["delegatedShare"] == 1


def test_half_precision_rounds_as_half_precision_does(
    model: ImportedModel, folder: Path, expected: NDArray[np.float32]
) -> None:
    product = built(model, "fp16", folder)
    found = BACKEND.load(product.path, model, threads=1).run(IMAGES)
    # float16 has 11 bits: one rounding is up to 2^-11 of a value, float32's 2^-24.
    assert 2**-15 < error_of(found, expected) < 2**-6


@pytest.mark.parametrize("method", ["minmax", "entropy"])
def test_int8_is_smaller_and_close(
    model: ImportedModel,
    folder: Path,
    fp32: Product,
    expected: NDArray[np.float32],
    method: CalibrationMethod,
) -> None:
    product = built(model, "int8", folder, calibration=method)
    found = BACKEND.load(product.path, model, threads=1).run(IMAGES)
    assert 1e-4 < error_of(found, expected) < 0.1
    assert product.path.stat().st_size < 0.55 * fp32.path.stat().st_size
    assert product.facts["delegatedShare"] == 1


def test_dynamic_rounds_linear_layers(
    model: ImportedModel, folder: Path, fp32: Product, expected: NDArray[np.float32]
) -> None:
    product = built(model, "int8-dynamic", folder)
    found = BACKEND.load(product.path, model, threads=1).run(IMAGES)
    assert 1e-4 < error_of(found, expected) < 0.1
    assert product.path.stat().st_size < 0.6 * fp32.path.stat().st_size


def test_dynamic_has_nothing_to_do_without_linear_layers(folder: Path) -> None:
    with pytest.raises(BuildError, match=r"None of the 2 convolutions .* leave this precision out"):
        built(network(folder, head=False), "int8-dynamic", folder)


def test_the_pool_has_the_threads_asked_for_whichever_program_runs(
    fp32: Product, model: ImportedModel, expected: NDArray[np.float32]
) -> None:
    one = BACKEND.load(fp32.path, model, threads=1)
    two = BACKEND.load(fp32.path, model, threads=2)
    for runner, threads in ((one, 1), (two, 2), (one, 1), (two, 2)):
        assert error_of(runner.run(IMAGES), expected) < 1e-5
        assert portable_lib._threadpool_get_thread_count() == threads


def test_images_of_another_shape_are_refused(fp32: Product, model: ImportedModel) -> None:
    runner = BACKEND.load(fp32.path, model, threads=1)
    with pytest.raises(ModelRunError, match=r"shape \[3, 16, 16\] .* shape \[1, 3, 8, 8\]"):
        runner.run(np.zeros((1, 3, 8, 8), np.float32))


def test_a_file_that_is_no_program_is_refused(tmp_path: Path, model: ImportedModel) -> None:
    path = tmp_path / "broken.pte"
    path.write_bytes(b"no program" * 100)
    with pytest.raises(ModelRunError):
        BACKEND.load(path, model, threads=1)


def test_int8_needs_images(model: ImportedModel, folder: Path) -> None:
    with pytest.raises(BuildError, match=r"datasets\.calibration"):
        built(model, "int8", folder, calibration="minmax", images=IMAGES[:0])


def test_a_method_that_the_quantizer_lacks_is_named(model: ImportedModel, folder: Path) -> None:
    with pytest.raises(BuildError, match="percentile; use minmax or entropy"):
        built(model, "int8", folder, calibration="percentile")


def test_training_needs_a_lesson(model: ImportedModel, folder: Path) -> None:
    assert "int8-qat" not in BACKEND.precisions
    with pytest.raises(BuildError, match="no int8-qat"):
        built(model, "int8-qat", folder)


def test_a_graph_for_one_batch_size_runs_in_pieces(
    model: ImportedModel, folder: Path, expected: NDArray[np.float32]
) -> None:
    graph = onnx.load_model(model.path)
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    path = folder / "two.onnx"
    onnx.save_model(graph, path)
    product = built(replace(model, path=path, fixed_batch=2), "fp32", folder)
    found = BACKEND.load(product.path, model, threads=1).run(IMAGES)
    assert error_of(found, expected) < 1e-5


def test_version_names_runtime_and_builders() -> None:
    assert BACKEND.version().startswith("executorch 1.")
    assert "torchao 0." in BACKEND.version()
