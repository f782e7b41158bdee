"""PyTorch weights with an architecture by name, converted and compared."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from benchmarks.optimization.packages import FACENET, read_member
from safetensors.torch import save_file

from tests.support.source_files import (
    CLASSES,
    ProposalNetwork,
    SmallNetwork,
    examples,
    source_spec,
)
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.conversion import convert
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

SMALL = {"library": "factory", "name": "tests.support.source_files:small_network"}


def weights(path: Path, **changed: Any) -> Path:
    save_file({**SmallNetwork().state_dict(), **changed}, path)
    return path


def refusal(path: Path, architecture: dict[str, str], labels: int = CLASSES) -> RefusedError:
    spec = source_spec(
        "torch-weights", architecture=architecture, labels=[f"c{n}" for n in range(labels)]
    )
    with pytest.raises(RefusedError) as error:
        convert(path, spec, path.parent, examples((3, 8, 8)))
    return error.value


def test_network_of_torchvision(tmp_path: Path) -> None:
    from torchvision.models import mobilenet_v3_small  # noqa: PLC0415 - heavy

    torch.manual_seed(0)
    network = mobilenet_v3_small(num_classes=CLASSES).eval()
    with torch.no_grad():  # random weights answer 1e-16 otherwise
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(2)
    path = tmp_path / "source.safetensors"
    save_file(network.state_dict(), path)
    spec = source_spec(
        "torch-weights",
        shape=(3, 64, 64),
        architecture={"library": "torchvision", "name": "mobilenet_v3_small"},
    )
    images = examples((3, 64, 64))

    converted = convert(path, spec, tmp_path, images)

    model = import_model(converted.onnx, spec)
    assert (model.input, model.output, model.fixed_batch) == ("picture", "output", None)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.stack(images))).numpy()
    got = OnnxRunner(converted.onnx, "output", threads=1).run(np.stack(images))
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    assert converted.parity is not None
    assert converted.parity.items == 5
    assert converted.parity.label_agreement == 1
    assert converted.notes[0].startswith("Converted from PyTorch 2.")


def test_network_of_timm(tmp_path: Path) -> None:
    import timm  # noqa: PLC0415 - heavy

    network = timm.create_model("test_resnet", pretrained=False, num_classes=CLASSES)
    path = tmp_path / "source.safetensors"
    save_file(network.state_dict(), path)
    spec = source_spec(
        "torch-weights",
        shape=(3, 32, 32),
        architecture={"library": "timm", "name": "test_resnet"},
    )

    parity = convert(path, spec, tmp_path, examples((3, 32, 32))).parity

    assert parity is not None
    assert parity.max_rel < 1e-4


def test_published_pickle_is_refused_and_its_weights_are_converted(tmp_path: Path) -> None:
    content = read_member(FACENET, "facenet_pytorch/data/pnet.pt")
    pickled = tmp_path / "pnet.pt"
    pickled.write_bytes(content)
    architecture = {"library": "factory", "name": "tests.support.source_files:ProposalNetwork"}

    assert "can run any code" in str(refusal(pickled, architecture, labels=2))

    found = torch.load(io.BytesIO(content), weights_only=True)
    path = tmp_path / "pnet.safetensors"
    save_file({name: it.contiguous() for name, it in found.items()}, path)
    spec = source_spec(
        "torch-weights", shape=(3, 24, 24), labels=["other", "face"], architecture=architecture
    )
    images = examples((3, 24, 24))
    converted = convert(path, spec, tmp_path, images)

    network = ProposalNetwork(2).eval()
    network.load_state_dict(found)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.stack(images)))[0].numpy()
    got = OnnxRunner(converted.onnx, "output", threads=1).run(np.stack(images))
    assert got.shape == (5, 2, 7, 7)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert [it.name for it in onnx.load_model(converted.onnx).graph.output] == ["output"]


def test_prefix_of_data_parallel_and_missing_counters_are_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "source.safetensors"
    state = SmallNetwork().state_dict()
    save_file(
        {f"module.{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}, path
    )

    converted = convert(
        path, source_spec("torch-weights", architecture=SMALL), tmp_path, examples((3, 8, 8))
    )

    assert "DataParallel" in converted.notes[0]


def test_weights_of_another_network_are_counted_and_named(tmp_path: Path) -> None:
    path = tmp_path / "source.safetensors"
    state = SmallNetwork().state_dict()
    state["head.weight"] = torch.zeros(7, 4)
    del state["filter.bias"]
    save_file({**state, "extra": torch.zeros(1)}, path)

    error = refusal(path, SMALL)

    assert error.reason is Reason.MODEL_INVALID
    assert str(error) == (
        "The weights do not fit factory 'tests.support.source_files:small_network' with 3 "
        "classes: 1 missing (filter.bias); 1 unexpected (extra); 1 of another shape (head.weight "
        "[7, 4] instead of [3, 4]). Correct spec.model.architecture or the labels, whose number "
        "is the number of classes."
    )


@pytest.mark.parametrize(
    ("library", "name", "said"),
    [
        ("torchvision", "mobilenet_v3_smal", "did you mean mobilenet_v3_small"),
        ("timm", "tset_resnet", "did you mean test_resnet"),
        ("factory", "no_such_module:build", "cannot be imported"),
        ("factory", "tests.support.source_files:build", "has no function build"),
        ("factory", "os:abort", "is no network"),
        ("factory", "tests.support.source_files:exported", "cannot be built"),
    ],
)
def test_unknown_networks_are_refused(tmp_path: Path, library: str, name: str, said: str) -> None:
    error = refusal(weights(tmp_path / "w"), {"library": library, "name": name})

    assert error.reason is Reason.INVALID_SPEC
    assert said in str(error)


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    path = weights(tmp_path / "w")
    path.write_bytes(path.read_bytes()[:-8])

    assert "no whole safetensors file" in str(refusal(path, SMALL))


def test_wrong_layout_is_refused(tmp_path: Path) -> None:
    spec = source_spec("torch-weights", layout="NHWC", architecture=SMALL)

    with pytest.raises(RefusedError, match=r"does not take \[5, 8, 8, 3\]") as error:
        convert(weights(tmp_path / "w"), spec, tmp_path, examples((8, 8, 3)))
    assert error.value.reason is Reason.INPUT_MISMATCH
