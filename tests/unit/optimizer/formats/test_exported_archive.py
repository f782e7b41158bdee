"""The .pt2 archive, read as data."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.exported_archive import Call, read_program

META = {
    "dtype": 7,
    "sizes": [{"as_int": 3}],
    "strides": [{"as_int": 1}],
    "storage_offset": {"as_int": 0},
}
WEIGHTS = {"scale": {"path_name": "weight_0", "use_pickle": False, "tensor_meta": META}}


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def document() -> dict[str, Any]:
    """Of x * scale, where x is [batch, 3]."""
    node = {
        "target": "torch.ops.aten.mul.Tensor",
        "inputs": [{"name": "self", "arg": tensor("x")}, {"name": "other", "arg": tensor("p")}],
        "outputs": [tensor("mul")],
    }
    signature = {
        "input_specs": [
            {"parameter": {"arg": {"name": "p"}, "parameter_name": "scale"}},
            {"user_input": {"arg": tensor("x")}},
        ],
        "output_specs": [{"user_output": {"arg": tensor("mul")}}],
    }
    sizes = [{"as_expr": {"expr_str": "s0"}}, {"as_int": 3}]
    graph = {"nodes": [node], "tensor_values": {"x": {"sizes": sizes}}}
    return {
        "schema_version": {"major": 8, "minor": 20},
        "graph_module": {"graph": graph, "signature": signature},
    }


def archive(path: Path, content: Any = None, weights: Any = None, **more: bytes) -> Path:
    with ZipFile(path, "w") as file:
        file.writestr("m/models/model.json", json.dumps(content or document()))
        config = json.dumps({"config": WEIGHTS if weights is None else weights})
        file.writestr("m/data/weights/model_weights_config.json", config)
        file.writestr("m/data/constants/model_constants_config.json", '{"config": {}}')
        file.writestr("m/data/weights/weight_0", bytes(12))
        for name, data in more.items():
            file.writestr(name, data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(RefusedError) as error:
        read_program(path)
    return str(error.value)


def test_program_is_read(tmp_path: Path) -> None:
    program = read_program(archive(tmp_path / "m.pt2"))

    assert (program.image, program.image_sizes, program.answers) == ("x", (None, 3), ("mul",))
    assert program.calls == (
        Call(
            target="torch.ops.aten.mul.Tensor",
            arguments=(("self", tensor("x")), ("other", tensor("p"))),
            results=(tensor("mul"),),
        ),
    )
    assert (program.state["p"].sizes, program.state["p"].data) == ((3,), bytes(12))


def test_pickled_weight_is_refused(tmp_path: Path) -> None:
    weights = {"scale": {"path_name": "weight_0", "use_pickle": True, "tensor_meta": None}}

    assert "'scale' is stored as a pickle" in refusal(archive(tmp_path / "m.pt2", weights=weights))


def test_legacy_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    with ZipFile(path, "w") as file:
        file.writestr("m/models/model.json", json.dumps(document()))
        file.writestr("m/data/weights/model.pt", b"\x80\x02.")

    assert "its weights are stored as a pickle" in refusal(path)


def test_small_file_that_claims_large_tensors_is_refused(tmp_path: Path) -> None:
    meta = {**META, "sizes": [{"as_int": 1 << 40}], "strides": [{"as_int": 0}]}
    weights = {"scale": {"path_name": "weight_0", "use_pickle": False, "tensor_meta": meta}}

    assert "its tensors need more than" in refusal(archive(tmp_path / "m.pt2", weights=weights))


def test_training_mode_is_refused(tmp_path: Path) -> None:
    content = document()
    changed = {"buffer_mutation": {"arg": {"name": "mul"}, "buffer_name": "mean"}}
    content["graph_module"]["signature"]["output_specs"].append(changed)

    assert "call model.eval()" in refusal(archive(tmp_path / "m.pt2", content))


def test_custom_objects_are_refused(tmp_path: Path) -> None:
    content = document()
    custom = {"custom_obj": {"arg": {"name": "obj", "class_fqn": "x"}, "custom_obj_name": "obj"}}
    content["graph_module"]["signature"]["input_specs"].append(custom)

    assert "input of kind 'custom_obj'" in refusal(archive(tmp_path / "m.pt2", content))


def test_other_schema_is_refused(tmp_path: Path) -> None:
    content = {**document(), "schema_version": {"major": 9, "minor": 0}}

    assert "major version 9, and 8 is read" in refusal(archive(tmp_path / "m.pt2", content))


def test_two_programs_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.pt2", **{"m/models/other.json": b"{}"})

    assert "it holds 2 programs" in refusal(path)


@pytest.mark.parametrize(
    "content", [[], {"schema_version": 3}, {"schema_version": {"major": 8}}, {"graph_module": 1}]
)
def test_other_json_is_refused(tmp_path: Path, content: Any) -> None:
    assert "damaged or of an unknown form" in refusal(archive(tmp_path / "m.pt2", content or [1]))
