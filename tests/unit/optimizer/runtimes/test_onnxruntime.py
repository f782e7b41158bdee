"""ONNX Runtime's candidates: each really is of its precision, answers alike, or says why not."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_models import (
    LABELS,
    SIZE,
    colour_classifier,
    colour_image,
    model_spec,
    save,
)
from trifocal.api.techniques import CalibrationMethod, Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order, Product
from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime

READ = image_reader(model_spec()).read
BACKEND = OnnxRuntime()


def order(folder: Path, graph: Any, precision: Precision, **recipe: Any) -> Order:
    images = []
    for seed, label in enumerate(LABELS * 4):
        images.append(folder / f"{seed}.png")
        colour_image(label, seed).save(images[-1])
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return Order(
        model=import_model(save(graph, folder / "model.onnx"), model_spec()),
        recipe=Recipe(runtime="onnxruntime", precision=precision, **recipe),
        calibration=Calibration(images=images, read=READ),
        max_batch=4,
        folder=work,
        report=lambda _share, _detail: None,
    )


def build(wanted: Order) -> Product:
    return BACKEND.build(wanted, wanted.folder / "candidate.onnx")


def answers(wanted: Order, path: Path) -> NDArray[Any]:
    assert wanted.calibration is not None
    batch = np.stack([READ(image) for image in wanted.calibration.images])
    return BACKEND.load(path, wanted.model, threads=1).run(batch)


def difference(wanted: Order, product: Product) -> float:
    return float(np.abs(answers(wanted, product.path) - answers(wanted, wanted.model.path)).max())


def kinds(path: Path) -> set[int]:
    return {tensor.data_type for tensor in onnx.load(path).graph.initializer}


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def wide_classifier(channels: int = 64) -> Any:
    """As the colour classifier, with a hidden layer that is large enough to be worth storing."""
    model = colour_classifier()
    rng = np.random.default_rng(0)
    first = rng.normal(size=(channels, 3, 3, 3)).astype(np.float32) / 3
    last = rng.normal(size=(channels, 3)).astype(np.float32) / channels
    del model.graph.initializer[:]
    model.graph.initializer.extend(
        [numpy_helper.from_array(first, "w"), numpy_helper.from_array(last, "linear")]
    )
    return model


def test_fp32_answers_as_the_source_does_on_any_cpu(tmp_path: Path) -> None:
    wanted = order(tmp_path, colour_classifier(), "fp32")

    product = build(wanted)

    assert difference(wanted, product) < 1e-6
    domains = {node.domain for node in onnx.load(product.path).graph.node}
    assert "com.microsoft.nchwc" not in domains  # laid out for this very CPU


def test_fp16_halves_the_weights_and_keeps_the_interface(tmp_path: Path) -> None:
    wanted = order(tmp_path, colour_classifier(), "fp16")

    product = build(wanted)

    assert TensorProto.FLOAT not in kinds(product.path)
    graph = onnx.load(product.path).graph
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert difference(wanted, product) < 2e-3


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_int8_answers_within_its_steps(
    tmp_path: Path, method: CalibrationMethod, per_channel: bool
) -> None:
    """8 bits over activations of 0 to 1: one step is 1/255, three tensors in a row."""
    wanted = order(
        tmp_path, colour_classifier(), "int8", calibration=method, per_channel=per_channel
    )

    product = build(wanted)

    assert TensorProto.INT8 in kinds(product.path)
    # What is cut off costs at most the part of the range beyond the cut.
    assert difference(wanted, product) < (3 / 255 if method == "minmax" else 0.2)


def test_images_are_seen_once_for_all_recipes_of_a_method(tmp_path: Path) -> None:
    """Per tensor after per channel gives the file that it gives by itself.

    A few images are read each time, to see that the quantizer did anything.
    """
    first = order(tmp_path, colour_classifier(), "int8", calibration="minmax")
    assert first.calibration is not None
    looks: list[Path] = []

    def read(path: Path) -> NDArray[np.float32]:
        looks.append(path)
        return READ(path)

    def built(data: Calibration, **recipe: Any) -> bytes:
        changed = replace(first, recipe=replace(first.recipe, **recipe), calibration=data)
        looks.clear()
        return build(changed).path.read_bytes()

    images = set(first.calibration.images)
    shared = Calibration(images=first.calibration.images, read=read)
    built(shared, per_channel=True)
    assert set(looks) == images

    again = built(shared, per_channel=False)

    assert set(looks) < images
    assert again == built(replace(shared, ranges={}), per_channel=False)
    built(shared, calibration="percentile")
    assert set(looks) == images


def test_int8_of_an_old_opset_is_converted_first(tmp_path: Path) -> None:
    wanted = order(tmp_path, colour_classifier(opset=11), "int8", calibration="minmax")

    assert difference(wanted, build(wanted)) < 3 / 255


def test_layers_that_are_named_stay_in_float(tmp_path: Path) -> None:
    whole = build(order(tmp_path, wide_classifier(), "int8", calibration="minmax"))
    graph = onnx.load(whole.path).graph
    layer = next(node.name for node in graph.node if node.op_type == "Conv")
    wanted = order(tmp_path, wide_classifier(), "int8", calibration="minmax", keep_float=(layer,))

    product = build(wanted)

    inputs = next(it.input for it in onnx.load(product.path).graph.node if it.name == layer)
    assert list(inputs)[:2] == ["x", "w"]
    assert product.notes[-1] == f"layers that stay in float: {layer}."


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    wanted = order(
        tmp_path, colour_classifier(), "int8", calibration="minmax", keep_float=("nowhere",)
    )

    with pytest.raises(BuildError, match="the graph has no node 'nowhere' to keep in float"):
        build(wanted)


def test_int16_answers_within_its_steps(tmp_path: Path) -> None:
    """16 bits over activations of 0 to 1, three tensors in a row; the weights are exact in 8."""
    wanted = order(tmp_path, colour_classifier(), "int16", calibration="minmax")

    product = build(wanted)

    assert TensorProto.UINT16 in kinds(product.path)
    assert difference(wanted, product) < 4 / 65535


@pytest.mark.parametrize(
    ("precision", "operator"), [("int8-weights", "DequantizeLinear"), ("codebook8", "Gather")]
)
def test_weights_alone_shrink_to_a_quarter(
    tmp_path: Path, precision: Precision, operator: str
) -> None:
    wanted = order(tmp_path, wide_classifier(1024), precision)

    product = build(wanted)

    size = wanted.model.path.stat().st_size
    assert product.path.stat().st_size < 0.4 * size  # scales and codebooks come on top
    assert operators(product.path)[operator] == 2
    assert difference(wanted, product) < 0.05 * float(
        np.abs(answers(wanted, wanted.model.path)).max()
    )


def test_dynamic_quantizes_products_and_never_convolutions(tmp_path: Path) -> None:
    wanted = order(tmp_path, wide_classifier(), "int8-dynamic")

    product = build(wanted)

    found = operators(product.path)
    assert found["MatMulInteger"] == 1
    assert found["ConvInteger"] == 0


def test_dynamic_without_products_says_what_there_is(tmp_path: Path) -> None:
    model = colour_classifier()
    del model.graph.node[-1]
    model.graph.node[-1].output[0] = "scores"

    with pytest.raises(BuildError, match=r"the graph has none \(mostly 1 Conv"):
        build(order(tmp_path, model, "int8-dynamic"))


@pytest.mark.parametrize(
    ("precision", "why"),
    [
        ("int8", "the graph holds no operator that can be quantized"),
        ("fp16", "no weight became float16"),
        ("int8-weights", "there is nothing to make smaller"),
    ],
)
def test_a_graph_with_nothing_to_quantize_is_named(
    tmp_path: Path, precision: Precision, why: str
) -> None:
    model = colour_classifier()
    del model.graph.node[:]
    model.graph.node.extend(
        [
            helper.make_node("Softplus", ["x"], ["y"]),
            helper.make_node("ReduceMean", ["y"], ["scores"], axes=[2, 3], keepdims=0),
        ]
    )
    del model.graph.initializer[:]

    with pytest.raises(BuildError, match=why):
        build(order(tmp_path, model, precision))


def test_a_quantized_source_is_not_quantized_again(tmp_path: Path) -> None:
    first = build(order(tmp_path, colour_classifier(), "int8", calibration="minmax"))
    wanted = order(tmp_path, onnx.load(first.path), "int8-weights")

    with pytest.raises(BuildError, match="the source is quantized already"):
        build(wanted)


def test_flat_calibration_images_are_refused(tmp_path: Path) -> None:
    wanted = order(tmp_path, colour_classifier(), "int8", calibration="minmax")
    assert wanted.calibration is not None
    flat = Calibration(
        images=wanted.calibration.images,
        read=lambda _path: np.full((3, SIZE, SIZE), 0.5, np.float32),
    )

    with pytest.raises(BuildError, match=r"each of the 12 calibration images is one flat value"):
        build(replace(wanted, calibration=flat))


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_infinite_activations_are_named(tmp_path: Path, method: CalibrationMethod) -> None:
    model = colour_classifier()
    weights = np.full((3, 3, 1, 1), 3e38, np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w"))

    with pytest.raises(BuildError, match="activations are not finite on calibration images"):
        build(order(tmp_path, model, "int8", calibration=method))


@pytest.mark.parametrize(
    ("precision", "needs"),
    [("int8", "calibration"), ("int16", "calibration"), ("int8-qat", "training")],
)
def test_data_that_are_missing_are_named(tmp_path: Path, precision: Precision, needs: str) -> None:
    wanted = replace(order(tmp_path, colour_classifier(), precision), calibration=None)

    with pytest.raises(BuildError, match=f"datasets.{needs} is unset"):
        build(wanted)


def test_an_output_that_is_not_there_is_named(tmp_path: Path) -> None:
    wanted = order(tmp_path, colour_classifier(), "fp32")
    model = replace(wanted.model, output="boxes")

    with pytest.raises(ModelRunError, match="it has no output 'boxes', but scores"):
        BACKEND.load(model.path, model, threads=1)
