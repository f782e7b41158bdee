"""Quantization-aware training of a network that post-training quantization breaks."""

import dataclasses
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn
from typing_extensions import override

from trifocal.api.techniques import FineTuning
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, Order, Product
from trifocal.optimizer.torch_graph.parity import answers

with warnings.catch_warnings():
    # ExecuTorch reads its own files in ways that Python and torch call old.
    warnings.simplefilter("ignore")
    import trifocal.optimizer.runtimes.executorch_lowering as _loaded
    from tests.support.unequal_digits import UnequalDigits, unequal_digits
    from trifocal.optimizer.compression.qat import qat_onnx, quantization_aware
    from trifocal.optimizer.compression.qat_graph import captured
    from trifocal.optimizer.compression.qat_scheme import Scheme

    del _loaded

SEED = 1
ONE_POINT = 0.01
"""The data have 664 images to judge: half a point is three of them, and which network was trained
differs from processor to processor. On 4,000 images the digits study holds half a point."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network, before and after."""

    digits: UnequalDigits
    product: Product
    folder: Path

    @property
    def source(self) -> float:
        """Accuracy in ONNX Runtime, in float."""
        model = self.digits.model
        return self.digits.accuracy(answers(model.path, model.output, self.digits.images))


@pytest.fixture(scope="module", name="digits")
def _digits(tmp_path_factory: pytest.TempPathFactory) -> UnequalDigits:
    folder = tmp_path_factory.mktemp("digits")
    return unequal_digits(SEED, folder, FineTuning(epochs=12, seed=SEED))


@pytest.fixture(scope="module", name="trained")
def _trained(digits: UnequalDigits, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("qat")
    product = qat_onnx(digits.model, digits.lesson, folder, _nobody)
    return Trained(digits=digits, product=product, folder=folder)


def _nobody(share: float, detail: str) -> None:
    """Hears of the progress."""


def test_training_recovers_what_one_scale_per_tensor_loses(trained: Trained) -> None:
    digits = trained.digits
    naive = digits.accuracy(_naive(digits, trained.folder))
    recovered = digits.accuracy(answers(trained.product.path, "scores", digits.images))
    assert naive < trained.source - 0.05
    assert recovered >= trained.source - ONE_POINT


class _Images:
    """Calibration images as ONNX Runtime's quantizer wants to be given them."""

    def __init__(self, digits: UnequalDigits) -> None:
        self._left = digits.calibration.tensors()

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, by its name."""
        image = next(self._left, None)
        return None if image is None else {"image": image}


def _naive(digits: UnequalDigits, folder: Path) -> NDArray[np.float32]:
    """ONNX Runtime's own quantizer, one scale per tensor, calibrated on training images."""
    from onnxruntime.quantization import quantize_static  # noqa: PLC0415 - takes seconds

    quantize_static(digits.model.path, folder / "naive.onnx", _Images(digits), per_channel=False)
    return np.asarray(answers(folder / "naive.onnx", "scores", digits.images), np.float32)


def test_the_file_holds_integers_with_a_scale_per_channel_and_any_batch(trained: Trained) -> None:
    model = onnx.load_model(trained.product.path)
    tensors = {it.name: numpy_helper.to_array(it) for it in model.graph.initializer}
    weights = [
        node
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in tensors
    ]
    # Five convolutions and the last layer, by the network's definition.
    assert len(weights) == 6
    assert all(tensors[node.input[0]].dtype == np.int8 for node in weights)
    assert all(tensors[node.input[1]].size == tensors[node.input[0]].shape[0] for node in weights)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    source = trained.digits.model.path.stat().st_size
    assert trained.product.path.stat().st_size < 0.5 * source


def test_onnx_runtime_computes_it_in_integers(trained: Trained, tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    ort.InferenceSession(str(trained.product.path), options, providers=["CPUExecutionProvider"])
    nodes = Counter(it.op_type for it in onnx.load_model(tmp_path / "optimized.onnx").graph.node)
    assert nodes["QLinearConv"] == 5
    assert nodes["QGemm"] == 1
    assert nodes["Conv"] == nodes["FusedConv"] == nodes["Gemm"] == 0


def test_notes_and_facts_say_what_was_done(trained: Trained) -> None:
    assert trained.product.facts["quantizedOperators"] == 6
    assert trained.product.facts["agreementWithTorch"] > 0.99
    # Training ends early where no epoch is better: how many there are depends on the processor.
    assert re.search(r"of \d+ epochs the best was number \d+: ", trained.product.notes[0])


def test_symmetric_activations_have_zero_at_zero(digits: UnequalDigits, tmp_path: Path) -> None:
    short = dataclasses.replace(digits.lesson, fine_tuning=FineTuning(epochs=1))
    product = qat_onnx(digits.model, short, tmp_path, _nobody, symmetric=True)
    model = onnx.load_model(product.path)
    tensors = {it.name: numpy_helper.to_array(it) for it in model.graph.initializer}
    rounding = [
        it for it in model.graph.node if it.op_type in {"QuantizeLinear", "DequantizeLinear"}
    ]
    zeros = [tensors[node.input[2]] for node in rounding]
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


def test_executorch_runs_the_trained_network(digits: UnequalDigits, tmp_path: Path) -> None:
    from trifocal.optimizer.runtimes.executorch import ExecuTorch  # noqa: PLC0415 - heavy

    short = dataclasses.replace(digits.lesson, fine_tuning=FineTuning(epochs=2))
    backend = ExecuTorch(lesson=short)
    order = Order(
        model=digits.model,
        recipe=Recipe(runtime="executorch", precision="int8-qat"),
        calibration=None,
        max_batch=8,
        folder=tmp_path,
        report=_nobody,
    )
    product = backend.build(order, tmp_path / "trained.pte")
    found = backend.load(product.path, digits.model, threads=1).run(digits.images)
    source = answers(digits.model.path, "scores", digits.images)
    # Two epochs do not recover all; one scale per tensor leaves less than three quarters.
    assert np.mean(found.argmax(1) == source.argmax(1)) > 0.95
    assert product.path.stat().st_size < 0.6 * digits.model.path.stat().st_size


class _Undecided(nn.Module):
    @override
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.sum() > 0:
            return images * 2
        return images


class _FourImages(nn.Module):
    @override
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.reshape(4, -1)


class _Positive(nn.Module):
    @override
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).relu()


def test_a_network_that_torch_refuses_is_named_by_its_line() -> None:
    with pytest.raises(BuildError, match=r"line \d+, `if images\.sum\(\) > 0:`"):
        captured(_Undecided(), torch.ones(2, 1, 8, 8), any_batch=True)


def test_a_network_for_one_batch_size_is_named() -> None:
    with pytest.raises(BuildError, match="works for one batch size only"):
        captured(_FourImages(), torch.ones(4, 1, 8, 8), any_batch=True)


def test_nothing_to_round_is_named(digits: UnequalDigits) -> None:
    with pytest.raises(BuildError, match="leave int8-qat out"):
        quantization_aware(
            _Positive(), digits.model, digits.lesson, Scheme(ranges="trained"), _nobody
        )
