"""LiteRT files, built from ONNX and run by LiteRT's own interpreter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trifocal.api.techniques import Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order, Product
from trifocal.optimizer.runtimes.litert import LiteRT
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

pytestmark = pytest.mark.filterwarnings(
    # torch, JAX and protobuf on import; nothing of ours.
    "ignore::DeprecationWarning:jax.*",
    "ignore::DeprecationWarning:google.*",
    "ignore::UserWarning:torch.*",
    "ignore::FutureWarning:torch.*",
)
SIZE, CLASSES = 16, 4
IMAGES = np.random.default_rng(1).uniform(0, 1, (12, 3, SIZE, SIZE)).astype(np.float32)
PRECISIONS: tuple[Precision, ...] = (
    "fp32",
    "fp16",
    "int8",
    "int8-dynamic",
    "int8-weights",
    "int16",
)


def network(path: Path, *, layout: str = "NCHW", batch: int | str = "batch") -> ImportedModel:
    """Two convolutions with HardSwish between them, then a linear layer."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(0, 0.3, (32, 3, 3, 3)),
        "b1": rng.normal(0, 0.1, 32),
        "w2": rng.normal(0, 0.1, (64, 32, 3, 3)),
        "b2": rng.normal(0, 0.1, 64),
        "linear": rng.normal(0, 1, (CLASSES, 64)),
        "bias": np.zeros(CLASSES),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("HardSwish", ["c1"], ["h1"]),
        helper.make_node("Conv", ["h1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "linear", "bias"], ["scores"], transB=1),
    ]
    shape = (3, SIZE, SIZE)
    if layout == "NHWC":
        shape = (SIZE, SIZE, 3)
        turn = helper.make_node("Transpose", ["picture"], ["image"], perm=[0, 3, 1, 2])
        nodes.insert(0, turn)
    name = "picture" if layout == "NHWC" else "image"
    return saved(path, nodes, weights, name, [batch, *shape], [batch, CLASSES])


def saved(
    path: Path,
    nodes: list[Any],
    weights: Mapping[str, NDArray[Any]],
    name: str,
    shape: list[int | str],
    answer: list[int | str],
) -> ImportedModel:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, answer)],
        [numpy_helper.from_array(it.astype(np.float32), key) for key, it in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save_model(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return ImportedModel(
        path=path,
        input=name,
        input_shape=tuple(int(it) for it in shape[1:]),
        output="scores",
        fixed_batch=shape[0] if isinstance(shape[0], int) else None,
    )


def build(
    backend: LiteRT, model: ImportedModel, precision: Precision, images: NDArray[Any] = IMAGES
) -> Product:
    folder = model.path.parent
    order = Order(
        model=model,
        recipe=Recipe(
            runtime="litert",
            precision=precision,
            calibration="minmax" if precision in {"int8", "int16"} else None,
        ),
        calibration=Calibration(
            images=[Path(str(position)) for position in range(len(images))],
            read=lambda path: np.asarray(images[int(path.name)], np.float32),
        ),
        max_batch=4,
        folder=folder,
        report=lambda _share, _what: None,
    )
    return backend.build(order, folder / f"{precision}.tflite")


@pytest.fixture(scope="module", name="built")
def _built(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[LiteRT, ImportedModel, dict[Precision, Product]]:
    backend = LiteRT()
    model = network(tmp_path_factory.mktemp("litert") / "network.onnx")
    return backend, model, {it: build(backend, model, it) for it in PRECISIONS}


Built = tuple[LiteRT, ImportedModel, dict[Precision, Product]]


def test_every_precision_that_is_offered_is_built(built: Built) -> None:
    backend, _, products = built

    assert backend.precisions == set(products)
    assert backend.suffix == ".tflite"
    assert "ai-edge-litert 2" in backend.version()


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [
        ("fp32", 1e-5),
        ("fp16", 5e-3),
        ("int8", 0.1),
        ("int8-dynamic", 0.1),
        ("int8-weights", 0.1),
        ("int16", 0.1),
    ],
)
def test_answers_are_those_of_the_graph(
    built: Built, precision: Precision, tolerance: float
) -> None:
    backend, model, products = built
    expected = OnnxRunner(model.path, "scores", threads=1).run(IMAGES)

    got = backend.load(products[precision].path, model, threads=1).run(IMAGES)

    assert got.shape == (12, CLASSES)
    assert got.dtype == np.float32
    # In shares of the largest score; random weights cancel out, which magnifies their rounding.
    assert np.abs(got - expected).max() / np.abs(expected).max() < tolerance
    assert precision == "fp32" or not np.array_equal(got, expected)


def test_sizes_follow_the_bits_of_the_weights(built: Built) -> None:
    _, _, products = built
    sizes = {name: product.path.stat().st_size for name, product in products.items()}
    # 19,616 weights: 78 kB in float32, 39 in float16, 20 in int8, and the graph around them.
    assert sizes["fp32"] > 78_000
    assert sizes["fp16"] < sizes["fp32"] - 35_000
    for precision in ("int8", "int8-dynamic", "int8-weights", "int16"):
        assert sizes[precision] < sizes["fp32"] - 50_000


def test_hard_swish_stays_in_float_between_integer_layers(built: Built) -> None:
    _, _, products = built
    types = products["int8"].facts["tensorsByType"]

    assert types["int8"] > 5
    # The input, the output, and HardSwish's input and output.
    assert types["float32"] == 4


def test_ranges_are_those_of_the_rarest_image(tmp_path: Path) -> None:
    """A moving average would cut off what one dark image in twelve shows."""
    backend, model = LiteRT(), network(tmp_path / "network.onnx")
    images = IMAGES.copy() * 0.1
    images[0] = IMAGES[0] * 3
    expected = OnnxRunner(model.path, "scores", threads=1).run(images)

    product = build(backend, model, "int8", images)

    got = backend.load(product.path, model, threads=1).run(images)
    assert np.abs(got[0] - expected[0]).max() / np.abs(expected[0]).max() < 0.1


def test_layout_of_the_graph_is_kept(tmp_path: Path) -> None:
    backend, model = LiteRT(), network(tmp_path / "network.onnx", layout="NHWC")
    images = IMAGES.transpose(0, 2, 3, 1)
    expected = OnnxRunner(model.path, "scores", threads=1).run(images)

    product = build(backend, model, "fp32")

    got = backend.load(product.path, model, threads=1).run(images)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_fixed_batch_is_run_in_groups(tmp_path: Path) -> None:
    backend, model = LiteRT(), network(tmp_path / "network.onnx", batch=5)
    expected = np.concatenate(
        [
            OnnxRunner(model.path, "scores", threads=1).run(
                np.resize(IMAGES[i : i + 5], (5, 3, 16, 16))
            )
            for i in (0, 5, 10)
        ]
    )[:12]

    product = build(backend, model, "int8")

    runner = backend.load(product.path, model, threads=1)
    assert np.abs(runner.run(IMAGES) - expected).max() / np.abs(expected).max() < 0.1


@pytest.mark.parametrize("precision", ["fp16", "int8-dynamic", "int8-weights"])
def test_quantizer_that_does_nothing_is_an_error(tmp_path: Path, precision: Precision) -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    model = saved(tmp_path / "n.onnx", nodes, {}, "image", ["batch", 3, SIZE, SIZE], ["batch", 3])

    with pytest.raises(BuildError, match=f"did nothing for {precision}"):
        build(LiteRT(), model, precision)


def test_wrong_shape_is_an_error_of_the_run(built: Built) -> None:
    backend, model, products = built
    runner = backend.load(products["fp32"].path, model, threads=1)

    with pytest.raises(ModelRunError, match=r"takes images of shape \[3, 16, 16\]"):
        runner.run(IMAGES[:, :, :8])
    with pytest.raises(ModelRunError, match="takes images"):
        runner.run(IMAGES[:0])


@pytest.mark.parametrize("content", [b"", b"no model", b"\x1c\x00\x00\x00TFL3" + bytes(100)])
def test_file_that_is_no_model_is_an_error_of_the_run(
    built: Built, tmp_path: Path, content: bytes
) -> None:
    backend, model, _ = built
    path = tmp_path / "m.tflite"
    path.write_bytes(content)

    with pytest.raises(ModelRunError):
        backend.load(path, model, threads=1)


def test_nothing_is_printed(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _ = built  # the libraries are imported: their first words are theirs
    build(LiteRT(), network(tmp_path / "network.onnx"), "int8")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == ""
