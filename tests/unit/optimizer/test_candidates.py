"""Candidates: each really is of its precision, gives the same answers, or says why not."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.tiny_models import (
    LABELS,
    colour_classifier,
    colour_image,
    model_spec,
    save,
)
from trifocal.api.optimization import Precision, Quantization
from trifocal.optimizer.building import Built, Calibration, Workbench, build_candidates
from trifocal.optimizer.candidates.int8 import needs_reduced_range
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.runtime import OnnxRunner

READ = image_reader(model_spec()).read


def built(tmp_path: Path, model: Any, *precisions: Precision, **quantization: Any) -> Built:
    images = []
    for seed, label in enumerate(LABELS * 4):
        images.append(tmp_path / f"{seed}.png")
        colour_image(label, seed).save(images[-1])
    bench = Workbench(
        source=import_model(save(model, tmp_path / "model.onnx"), model_spec()),
        calibration=Calibration(images=images, read=READ),
        quantization=Quantization(**quantization),
        folder=tmp_path,
    )
    return build_candidates(bench, precisions, lambda _share, _detail: None)


def answers(path: Path, tmp_path: Path) -> Any:
    batch = np.stack([READ(tmp_path / f"{seed}.png") for seed in range(12)])
    return OnnxRunner(path, None, threads=1).run(batch)


def weight_types(path: Path) -> set[int]:
    return {tensor.data_type for tensor in onnx.load(path).graph.initializer}


def test_fp32_answers_as_the_source_does(tmp_path: Path) -> None:
    found = built(tmp_path, colour_classifier(), "fp32")

    expected = answers(tmp_path / "model.onnx", tmp_path)
    assert answers(found.paths["fp32"], tmp_path) == pytest.approx(expected, abs=1e-6)


def test_fp32_holds_no_layout_of_this_very_cpu(tmp_path: Path) -> None:
    found = built(tmp_path, colour_classifier(), "fp32")

    domains = {node.domain for node in onnx.load(found.paths["fp32"]).graph.node}
    assert "com.microsoft.nchwc" not in domains


def test_fp16_halves_the_weights_and_keeps_the_interface(tmp_path: Path) -> None:
    found = built(tmp_path, colour_classifier(), "fp16")

    graph = onnx.load(found.paths["fp16"]).graph
    assert TensorProto.FLOAT not in weight_types(found.paths["fp16"])
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    expected = answers(tmp_path / "model.onnx", tmp_path)
    assert answers(found.paths["fp16"], tmp_path) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_int8_answers_within_its_steps(tmp_path: Path, method: str) -> None:
    """8 bits over activations of 0 to 1: one step is 1/255, three tensors in a row."""
    found = built(tmp_path, colour_classifier(), "int8", calibration_method=method)

    assert found.failures == {}
    assert TensorProto.INT8 in weight_types(found.paths["int8"])
    expected = answers(tmp_path / "model.onnx", tmp_path)
    difference = np.abs(answers(found.paths["int8"], tmp_path) - expected).max()
    assert difference < (3 / 255 if method == "minmax" else 0.2)  # the others cut tails off


def test_int8_of_an_old_opset_is_converted_first(tmp_path: Path) -> None:
    found = built(tmp_path, colour_classifier(opset=11), "int8")

    assert found.failures == {}


def test_model_without_anything_to_quantize_fails_and_stops_no_other(tmp_path: Path) -> None:
    model = colour_classifier()
    del model.graph.node[:]
    model.graph.node.extend(
        [
            helper.make_node("Softplus", ["x"], ["y"]),
            helper.make_node("ReduceMean", ["y"], ["scores"], axes=[2, 3], keepdims=0),
        ]
    )
    del model.graph.initializer[:]

    found = built(tmp_path, model, "int8", "fp16", "fp32")

    assert set(found.paths) == {"fp32"}
    assert found.failures == {
        "int8": "it could not be built: ValueError the graph holds no operator that can be "
        "quantized",
        "fp16": "it could not be built: ValueError no weight became float16",
    }


def test_int8_without_calibration_data_fails_and_stops_no_other(tmp_path: Path) -> None:
    source = import_model(save(colour_classifier(), tmp_path / "m.onnx"), model_spec())
    bench = Workbench(source=source, calibration=None, quantization=Quantization(), folder=tmp_path)

    found = build_candidates(bench, ("int8", "fp32"), lambda _share, _detail: None)

    assert set(found.paths) == {"fp32"}
    assert "datasets.calibration is not set" in found.failures["int8"]


@pytest.mark.parametrize(
    ("machine", "flags", "reduced"),
    [
        ("x86_64", "flags : fpu avx2", True),  # AWS c6a, for example
        ("x86_64", "flags : fpu avx512f avx512_vnni", False),
        ("x86_64", "flags : fpu avx2 avx_vnni", False),
        ("x86_64", "", True),
        ("aarch64", "Features : fp asimd", False),
    ],
)
def test_weights_lose_a_bit_only_where_sums_would_overflow(
    machine: str,
    flags: str,
    reduced: bool,
) -> None:
    assert needs_reduced_range(machine, flags) is reduced
