"""Import: a model that fits its spec, or a refusal that says what the model has instead."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_models import SIZE, colour_classifier, model_spec, save
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.importing import import_model


def refusal(tmp_path: Path, model: Any, reason: Reason = Reason.MODEL_INVALID, **spec: Any) -> str:
    path = tmp_path / "model.onnx"
    if isinstance(model, bytes):
        path.write_bytes(model)
    else:
        path.write_bytes(model.SerializeToString())
    with pytest.raises(RefusedError) as error:
        import_model(path, model_spec(**spec))
    assert error.value.reason is reason
    return str(error.value)


def test_model_that_fits(tmp_path: Path) -> None:
    model = import_model(save(colour_classifier(), tmp_path / "m"), model_spec())

    assert (model.input, model.output, model.fixed_batch) == ("x", "scores", None)
    assert model.input_shape == (3, SIZE, SIZE)


def test_fixed_batch_is_noticed(tmp_path: Path) -> None:
    model = import_model(save(colour_classifier(batch=2), tmp_path / "m"), model_spec())

    assert model.fixed_batch == 2


@pytest.mark.parametrize("batch", [-1, 0])
def test_size_that_is_no_size_leaves_the_batch_open(tmp_path: Path, batch: int) -> None:
    """PaddlePaddle writes -1, others nothing."""
    model = import_model(save(colour_classifier(batch=batch), tmp_path / "m"), model_spec())

    assert model.fixed_batch is None


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x89PNG\r\n\x1a\n" + bytes(100), b"{}"])
def test_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    assert "it is not an ONNX file" in refusal(tmp_path, content)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_file_that_is_cut_off(tmp_path: Path, share: float) -> None:
    whole = colour_classifier().SerializeToString()

    message = refusal(tmp_path, whole[: int(len(whole) * share)])

    assert message.startswith(
        "The source model is refused: it is not an ONNX file, or it is cut off"
    )


def test_wrong_input_name_says_what_the_model_has(tmp_path: Path) -> None:
    message = refusal(tmp_path, colour_classifier(input_name="image"), Reason.INPUT_MISMATCH)

    assert message == (
        "spec.model.inputs[0].name is 'x', but the model's input is 'image' float32 "
        "[batch, 3, 8, 8]; set the name to 'image'."
    )


@pytest.mark.parametrize("shape", [(3, 8, 9), (8, 8, 3), (1, 8, 8)])
def test_wrong_shape_says_what_the_model_has(tmp_path: Path, shape: tuple[int, ...]) -> None:
    message = refusal(
        tmp_path,
        colour_classifier(),
        Reason.INPUT_MISMATCH,
        inputs=[{"name": "x", "shape": shape}],
    )

    assert "the model's input is 'x' float32 [batch, 3, 8, 8]" in message


def test_wrong_element_type_says_what_the_model_has(tmp_path: Path) -> None:
    model = colour_classifier()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.node[0].input[0] = "cast"
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT))

    assert "'x' uint8 [batch, 3, 8, 8]" in refusal(tmp_path, model, Reason.INPUT_MISMATCH)


def test_open_height_and_width_are_filled_by_the_spec(tmp_path: Path) -> None:
    model = colour_classifier()
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_param = "edge"

    imported = import_model(save(model, tmp_path / "m"), model_spec())

    assert imported.input_shape == (3, SIZE, SIZE)


def test_second_input_is_refused(tmp_path: Path) -> None:
    model = colour_classifier()
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))

    assert "The model has 2 inputs ('x'" in refusal(tmp_path, model, Reason.INPUT_MISMATCH)


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    """Exporters before IR version 4 had to list them."""
    model = colour_classifier()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 3, 1, 1]))

    assert import_model(save(model, tmp_path / "m"), model_spec()).input == "x"


def test_wrong_output_name_lists_the_models(tmp_path: Path) -> None:
    message = refusal(tmp_path, colour_classifier(), output="probabilities")

    assert "spec.model.output is 'probabilities', but the model's outputs are 'scores'" in message


def test_external_data_is_refused_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(36))
    model = colour_classifier()
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "secret")
    model.graph.initializer[0].ClearField("raw_data")

    assert "tensor 'w' lies in another file (external data)" in refusal(tmp_path, model)


@pytest.mark.parametrize("where", ["constant", "subgraph"])
def test_external_data_is_found_wherever_it_hides(tmp_path: Path, where: str) -> None:
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "hidden")
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    tensor.ClearField("raw_data")
    hidden = helper.make_node("Constant", [], ["c"], value=tensor)
    model = colour_classifier()
    if where == "constant":
        model.graph.node.append(hidden)
    else:
        body = helper.make_graph([hidden], "body", [], [helper.make_empty_tensor_value_info("c")])
        model.graph.node.append(
            helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)
        )

    assert "tensor 'hidden' lies in another file" in refusal(tmp_path, model)


@pytest.mark.parametrize(
    ("domain", "name"), [("ai.onnx.contrib", "PyOp"), ("com.microsoft", "Tokenizer"), ("x", "Y")]
)
def test_operator_outside_the_list_is_named(tmp_path: Path, domain: str, name: str) -> None:
    model = colour_classifier()
    model.graph.node.append(helper.make_node(name, ["scores"], ["more"], domain=domain))
    model.opset_import.append(helper.make_opsetid(domain, 1))

    assert f"operators that are not served: {domain}:{name}" in refusal(tmp_path, model)


def test_fused_operators_of_onnx_runtime_are_allowed(tmp_path: Path) -> None:
    model = colour_classifier()
    conv = model.graph.node[0]
    conv.op_type, conv.domain = "FusedConv", "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    assert import_model(save(model, tmp_path / "m"), model_spec()).input == "x"


def test_checkers_words_are_passed_on(tmp_path: Path) -> None:
    model = colour_classifier()
    model.graph.node[1].input[0] = "nowhere"

    assert "the ONNX checker says: Nodes in a graph must be topologically sorted" in refusal(
        tmp_path, model
    )
