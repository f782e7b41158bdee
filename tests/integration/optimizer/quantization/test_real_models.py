"""Page orientation, a trained network of 1.7 million weights, in every precision."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from trifocal.api.techniques import Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.quantization.fallback import losses, worst_layers
from trifocal.optimizer.quantization.float16 import float16
from trifocal.optimizer.quantization.symmetric import symmetric_int8
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import Order, Product
from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime

pytestmark = pytest.mark.integration
EXAMPLE = Path(__file__).parents[4] / "examples/page-orientation/page_orientation/model.py"
SHAPE = (3, 224, 224)
BACKEND = OnnxRuntime()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("page_orientation_model", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cached = Path.home() / ".cache/trifocal/page-orientation/model.onnx"
    target = cached if cached.is_file() else tmp_path_factory.mktemp("model") / "model.onnx"
    module.fetch_model(target)
    return target


def page(seed: int) -> NDArray[np.float32]:
    """Dark lines of uneven length on white, normalized as the model expects."""
    rng = np.random.default_rng(seed)
    pixels = np.full(SHAPE, 255, np.float32) - rng.uniform(0, 30, SHAPE).astype(np.float32)
    for row in range(10, 210, 12):
        pixels[:, row : row + 6, 15 : rng.integers(80, 210)] = rng.uniform(0, 90)
    pixels = np.rot90(pixels, int(rng.integers(4)), axes=(1, 2))
    mean = np.asarray([0.485, 0.456, 0.406], np.float32)[:, None, None]
    std = np.asarray([0.229, 0.224, 0.225], np.float32)[:, None, None]
    return np.ascontiguousarray((pixels / 255 - mean) / std, dtype=np.float32)


CALIBRATION = Calibration(
    images=[Path(str(seed)) for seed in range(11)], read=lambda path: page(int(path.name))
)
PAGES = np.stack([page(seed) for seed in range(100, 108)])


def model(source: Path) -> ImportedModel:
    return ImportedModel(
        path=source, input="x", input_shape=SHAPE, output="fetch_name_0", fixed_batch=None
    )


def build(source: Path, folder: Path, precision: Precision, **recipe: Any) -> Product:
    order = Order(
        model=model(source),
        recipe=Recipe(runtime="onnxruntime", precision=precision, **recipe),
        calibration=CALIBRATION,
        max_batch=8,
        folder=folder,
        report=lambda _share, _detail: None,
    )
    return BACKEND.build(order, folder / f"{order.recipe.name}.onnx")


def answers(source: Path, path: Path) -> NDArray[Any]:
    return BACKEND.load(path, model(source), threads=1).run(PAGES)


def error(source: Path, path: Path) -> float:
    return float(np.square(answers(source, path) - answers(source, source)).sum())


@pytest.mark.parametrize(
    ("precision", "share"),
    [("fp16", 0.55), ("int8-weights", 0.35), ("codebook8", 0.35), ("int8", 0.35), ("int16", 0.35)],
)
def test_smaller_files_agree_with_the_source(
    source: Path, tmp_path: Path, precision: Precision, share: float
) -> None:
    """A half and a quarter, with nodes, scales and what stays in float on top."""
    method = "minmax" if precision in {"int8", "int16"} else None

    product = build(source, tmp_path, precision, calibration=method)

    assert product.path.stat().st_size < share * source.stat().st_size
    same = answers(source, product.path).argmax(1) == answers(source, source).argmax(1)
    assert same.mean() >= 0.75  # one page may be a close call, two hardly


def test_a_codebook_is_nearer_to_the_weights_than_a_line(source: Path) -> None:
    """Squared error of each large weight."""
    from trifocal.optimizer.quantization.codebook import coded  # noqa: PLC0415 - one test's
    from trifocal.optimizer.quantization.linear import (  # noqa: PLC0415 - one test's
        dequantize,
        fitted,
        quantize,
    )
    from trifocal.optimizer.quantization.weights import weights  # noqa: PLC0415 - one test's

    big = [it for it in weights(onnx.load(source)) if it.values.size > 10_000]
    assert big
    for weight in big[:8]:
        by = fitted(weight.values, np.int8, symmetric=True, axis=weight.axis)
        line = np.square(dequantize(quantize(weight.values, by), by) - weight.values).sum()
        book = np.square(coded(weight.values, weight.axis).decoded() - weight.values).sum()
        assert book < line


def test_symmetric_int8_has_signed_types_no_offsets_and_float_biases(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "symmetric.onnx"

    symmetric_int8(source, target, CALIBRATION, "x", "percentile")

    graph = onnx.load(target).graph
    tensors = {it.name: onnx.numpy_helper.to_array(it) for it in graph.initializer}
    for node in graph.node:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            zero_point = tensors[node.input[2]]
            assert zero_point.dtype == np.int8
            assert not zero_point.any()
    assert [path.name for path in tmp_path.iterdir()] == ["symmetric.onnx"]


def test_float16_says_what_stays_and_answers_alike(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "half.onnx"

    assert float16(source, target) == ()

    assert answers(source, target) == pytest.approx(answers(source, source), abs=0.02)


def test_layers_that_lose_most_are_worth_keeping_in_float(source: Path, tmp_path: Path) -> None:
    plain = build(source, tmp_path, "int8", calibration="minmax", per_channel=False)
    tensors = [CALIBRATION.read(path)[None] for path in CALIBRATION.images[:2]]

    layers = worst_layers(source, plain.path, tensors, 4)

    gains = {it.layer: it.gain for it in losses(source, plain.path, tensors)}
    assert 1 <= len(layers) <= 4
    assert [gains[it] for it in layers] == sorted(gains.values(), reverse=True)[: len(layers)]
    mixed = build(
        source, tmp_path, "int8", calibration="minmax", per_channel=False, keep_float=layers
    )
    assert mixed.path.stat().st_size > plain.path.stat().st_size
    assert mixed.notes[-1].startswith("layers that stay in float: ")
