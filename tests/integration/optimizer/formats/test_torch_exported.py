"""Programs of torch.export: converted where they are arithmetic, never run where they are more."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.source_files import (
    SmallNetwork,
    examples,
    exported,
    hostile_pickle,
    member,
    repacked,
    source_spec,
)
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.conversion import convert
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

PROGRAM = "models/model.json"
SPEC = source_spec("torch-exported")
IMAGES = examples((3, 8, 8))


@pytest.fixture(scope="module", name="program")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("pt2") / "small.pt2", SmallNetwork())


def expected() -> Any:
    with torch.inference_mode():
        return SmallNetwork().eval()(torch.from_numpy(np.stack(IMAGES))).numpy()


def changed(program: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """The program with its JSON changed."""
    document = member(program, PROGRAM)
    change(document)
    return repacked(program, target, {PROGRAM: json.dumps(document).encode()})


def test_open_batch(tmp_path: Path, program: Path) -> None:
    converted = convert(program, SPEC, tmp_path, IMAGES)

    assert import_model(converted.onnx, SPEC).fixed_batch is None
    got = OnnxRunner(converted.onnx, "output", threads=1).run(np.stack(IMAGES))
    np.testing.assert_allclose(got, expected(), atol=1e-5)
    assert converted.parity is not None
    assert converted.parity.max_abs < 1e-5


def test_fixed_batch_stays_and_is_compared_in_groups(tmp_path: Path) -> None:
    path = exported(tmp_path / "fixed.pt2", SmallNetwork(), batch=2, fixed=True)

    converted = convert(path, SPEC, tmp_path, IMAGES)

    assert import_model(converted.onnx, SPEC).fixed_batch == 2
    assert converted.parity is not None
    assert converted.parity.items == 5


def test_transformer_with_computed_sizes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    network = torch.nn.Sequential(torch.nn.Flatten(1, 2), layer, torch.nn.Flatten())
    path = exported(tmp_path / "m.pt2", network)

    parity = convert(path, SPEC, tmp_path, IMAGES).parity

    assert parity is not None
    assert parity.max_rel < 1e-4


@pytest.mark.parametrize(
    "name",
    ["data/sample_inputs/model.pt", "data/constants/opaque_obj_0", "data/aotinductor/model/a.so"],
)
def test_pickles_that_are_not_needed_are_not_opened(
    tmp_path: Path, program: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    path = repacked(program, tmp_path / "evil.pt2", {name: hostile_pickle(marker)})

    convert(path, SPEC, tmp_path, IMAGES)

    assert not marker.exists()


@pytest.mark.filterwarnings("ignore")
def test_the_same_pickle_runs_in_torchs_own_loader(tmp_path: Path, program: Path) -> None:
    """The file above is as dangerous as it claims."""
    marker = tmp_path / "marker"
    inputs = {"data/sample_inputs/model.pt": hostile_pickle(marker)}
    path = repacked(program, tmp_path / "evil.pt2", inputs)

    with pytest.raises((RuntimeError, AssertionError, KeyError, TypeError, ValueError)):
        torch.export.load(path)
    assert marker.exists()


def test_pickled_weight_is_refused_and_not_opened(tmp_path: Path, program: Path) -> None:
    marker = tmp_path / "marker"
    name = "data/weights/model_weights_config.json"
    config = member(program, name)
    config["config"]["filter.weight"]["use_pickle"] = True
    path = repacked(
        program,
        tmp_path / "evil.pt2",
        {name: json.dumps(config).encode(), "data/weights/weight_0": hostile_pickle(marker)},
    )

    with pytest.raises(RefusedError, match=r"'filter\.weight' is stored as a pickle"):
        convert(path, SPEC, tmp_path, IMAGES)
    assert not marker.exists()


def test_expressions_are_not_evaluated(tmp_path: Path, program: Path) -> None:
    marker = tmp_path / "marker"

    def change(document: Any) -> None:
        code = f"__import__('pathlib').Path('{marker}').touch()"
        for meta in document["graph_module"]["graph"]["tensor_values"].values():
            for size in meta["sizes"]:
                if "as_expr" in size:
                    size["as_expr"]["expr_str"] = code
        document["guards_code"] = [code]

    convert(changed(program, tmp_path / "evil.pt2", change), SPEC, tmp_path, IMAGES)

    assert not marker.exists()


@pytest.mark.parametrize(
    "target",
    [
        "torch.load",
        "torch.hub.load",
        "torch.os.system",
        "torch.serialization.pickle.loads",
        "_operator.methodcaller",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.aten.set_.source_Storage",
        "torch.ops.aten.__class__.default",
        "torch.ops.aten.relu.__class__",
        "torch.ops.aten.relu",
        "torch.ops.prims.sin.default",
        "torch.ops.higher_order.cond",
        "#evil:op",
    ],
)
def test_only_arithmetic_is_carried_out(tmp_path: Path, program: Path, target: str) -> None:
    def change(document: Any) -> None:
        document["graph_module"]["graph"]["nodes"][2]["target"] = target

    path = changed(program, tmp_path / "evil.pt2", change)

    with pytest.raises(RefusedError) as error:
        convert(path, SPEC, tmp_path, IMAGES)
    assert f"it calls '{target}'" in str(error.value)


def test_weights_may_not_look_beyond_their_bytes(tmp_path: Path, program: Path) -> None:
    name = "data/weights/model_weights_config.json"
    config = member(program, name)
    config["config"]["filter.weight"]["tensor_meta"]["storage_offset"]["as_int"] = 1 << 20
    path = repacked(program, tmp_path / "evil.pt2", {name: json.dumps(config).encode()})

    with pytest.raises(RefusedError, match="does not fit its bytes"):
        convert(path, SPEC, tmp_path, IMAGES)


def test_training_mode_is_refused(tmp_path: Path) -> None:
    network = SmallNetwork().train()
    path = tmp_path / "training.pt2"
    torch.export.save(torch.export.export(network, (torch.zeros(2, 3, 8, 8),)), path)

    with pytest.raises(RefusedError, match=r"call model\.eval\(\)"):
        convert(path, SPEC, tmp_path, IMAGES)


def test_other_shape_is_refused(tmp_path: Path, program: Path) -> None:
    spec = source_spec("torch-exported", shape=(3, 16, 16))

    with pytest.raises(RefusedError, match=r"exported for \['\?', 3, 8, 8\]"):
        convert(program, spec, tmp_path, examples((3, 16, 16)))
