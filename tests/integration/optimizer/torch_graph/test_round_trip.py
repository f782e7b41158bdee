"""PyTorch to ONNX and back: the answers stay, the batch is free, and other tools can go on."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from torch import nn

from tests.support.small_networks import Residual, Split, plain
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.torch_graph.parity import answers, relative_error
from trifocal.optimizer.torch_graph.to_onnx import Opset, to_onnx


def _images(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _randomized(network: nn.Module) -> nn.Module:
    """Statistics as after training: fresh ones hide a BatchNorm that was left out."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean = torch.randn(layer.num_features)
            layer.running_var = torch.rand(layer.num_features) + 0.5
    return network.eval()


NETWORKS = [
    pytest.param(plain, (1, 8, 8), id="plain"),
    pytest.param(Residual, (3, 16, 16), id="residual"),
    pytest.param(Split, (3, 16, 16), id="split"),
]


@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_there_and_back(make: type[nn.Module], shape: tuple[int, ...], tmp_path: Path) -> None:
    network = _randomized(make())
    path = tmp_path / "network.onnx"

    to_onnx(network, _images(2, *shape), "image", "scores", path)
    again = to_torch(path, "scores", _images(2, *shape))

    for batch in (1, 2, 5):
        images = _images(batch, *shape)
        with torch.no_grad():
            expected = network(torch.from_numpy(images)).numpy()
            found = again(torch.from_numpy(images)).numpy()
        assert relative_error(expected, found) < 1e-5
        assert relative_error(expected, answers(path, "scores", images)) < 1e-5


@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_what_is_read_can_be_exported_with_a_free_batch_and_trained(
    make: type[nn.Module], shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "network.onnx"
    to_onnx(make(), _images(2, *shape), "image", "scores", path)
    module = to_torch(path, "scores", _images(2, *shape))

    program = torch.export.export(
        module,
        (torch.from_numpy(_images(2, *shape)),),
        dynamic_shapes=({0: torch.export.Dim("batch", min=2, max=64)},),
    )
    answer = program.module()(torch.from_numpy(_images(7, *shape)))
    answer.sum().backward()

    assert answer.shape[0] == 7
    assert not module.training
    assert all(it.is_contiguous() for it in (*module.parameters(), *module.buffers()))


@pytest.mark.parametrize("opset", [17, 21])
def test_the_file_is_one_and_well_formed(opset: Opset, tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    to_onnx(plain(), _images(1, 1, 8, 8), "image", "scores", path, opset)

    model = onnx.load_model(path)
    onnx.checker.check_model(model, full_check=True)
    assert [it.name for it in tmp_path.iterdir()] == ["network.onnx"]
    assert [(it.domain, it.version) for it in model.opset_import] == [("", opset)]
    assert Counter(node.op_type for node in model.graph.node)["BatchNormalization"] == 2
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert str(Path(__file__).parent) not in str(model)
    assert "site-packages" not in str(model)


def test_pooling_has_the_name_that_quantizers_know(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    to_onnx(Residual(), _images(2, 3, 16, 16), "image", "scores", path)

    found = Counter(node.op_type for node in onnx.load_model(path).graph.node)
    assert found["GlobalAveragePool"] == 2
    assert found["ReduceMean"] == 0


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        self._left = iter([{"image": _images(1, 3, 16, 16)}] * 2)

    def get_next(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] | None:
        return next(self._left, None)


def test_onnx_runtime_quantizes_the_file(tmp_path: Path) -> None:
    path, small = tmp_path / "network.onnx", tmp_path / "int8.onnx"
    to_onnx(Residual(), _images(2, 3, 16, 16), "image", "scores", path)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(path, small, _Reader(), quant_format=QuantFormat.QDQ)

    image = _images(3, 3, 16, 16)
    assert answers(small, "scores", image).shape == answers(path, "scores", image).shape


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum() > 0 else x


def test_control_flow_that_depends_on_the_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="control flow must not depend on the image"):
        to_onnx(Branches(), _images(2, 1, 8, 8), "image", "scores", tmp_path / "network.onnx")


class OneImage(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(2, 64)


def test_a_batch_that_is_fixed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="batch must be free"):
        to_onnx(OneImage(), _images(2, 1, 8, 8), "image", "scores", tmp_path / "network.onnx")
