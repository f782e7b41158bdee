"""Keras configurations: built-in layers of vision models, and nothing else."""

import json
from typing import Any

import pytest

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.keras_config import checked_config


def entry(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"class_name": kind, "config": {"name": kind.lower(), **config}}
    return made if module is None else {"module": module, **made}


def network(*layers: Any, module: str | None = "keras.src.models.functional") -> str:
    return json.dumps(entry("Functional", module, layers=list(layers)))


def refusal(*layers: Any) -> str:
    with pytest.raises(RefusedError) as error:
        checked_config(network(*layers))
    return str(error.value)


def test_layers_with_their_parts_are_read() -> None:
    zeros = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}
    relu = {"module": "builtins", "class_name": "function", "config": "relu"}
    layer = entry("Conv2D", bias_initializer=zeros, activation=relu, padding="same")

    config = checked_config(network(entry("InputLayer"), layer))

    assert config["config"]["layers"][1] == layer


def test_legacy_configurations_have_no_modules() -> None:
    old = entry("Conv2D", None, kernel_regularizer=entry("L1L2", None))

    assert checked_config(network(old, module=None))["class_name"] == "Functional"


def test_operations_of_keras_ops_are_read() -> None:
    assert checked_config(network(entry("Mean", "keras.src.ops.numpy")))


def test_what_is_for_training_is_left_out_at_every_depth() -> None:
    inner = {**entry("Sequential", "keras.models", layers=[]), "compile_config": {"loss": "x"}}

    config = checked_config(network(inner))

    assert "compile_config" not in json.dumps(config)


@pytest.mark.parametrize("module", ["keras.layers", None])
def test_lambda_is_refused_with_the_layers_name(module: str | None) -> None:
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "closure": None}}
    layer = entry("Lambda", module, function=code)
    layer["config"]["name"] = "scale_by_two"

    assert refusal(entry("InputLayer"), layer).startswith(
        "The Keras model is refused: layer 'scale_by_two' is a Lambda, which holds Python code "
        "that would run here."
    )


def test_lambda_in_an_argument_is_found() -> None:
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}

    assert "layer 'dense' is a Lambda" in refusal(entry("Dense", activation=code))


def test_lambda_inside_a_nested_model_is_found() -> None:
    inner = entry("Sequential", "keras.models", layers=[entry("Lambda")])

    assert "layer 'lambda'" in refusal(inner)


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (entry("MyAttention", "my_package.layers"), "my_package.layers.MyAttention"),
        (entry("MyAttention", None), "'MyAttention'"),
        (entry("TFSMLayer", filepath="/etc"), "keras.layers.TFSMLayer"),
        (entry("TorchModuleWrapper"), "keras.layers.TorchModuleWrapper"),
        (entry("StringLookup", vocabulary="/etc/passwd"), "keras.layers.StringLookup"),
        (entry("Dense", "os"), "os.Dense"),
        (entry("popen", "os"), "os.popen"),
        (entry("get_file", "keras.utils"), "keras.utils.get_file"),
        (entry("load_model", "keras.src.saving.saving_api"), "saving_api.load_model"),
        (entry("Map", "keras.src.ops.core"), "keras.src.ops.core.Map"),
        (entry("get_source_inputs", "keras.src.ops.numpy"), "get_source_inputs"),
        (entry("__typespec__", "builtins"), "__typespec__"),
    ],
)
def test_everything_else_is_refused_by_name(layer: Any, shown: str) -> None:
    assert shown in refusal(layer)


@pytest.mark.parametrize("module", ["builtins", "os", "keras.utils"])
def test_functions_other_than_activations_are_refused(module: str) -> None:
    function = {"module": module, "class_name": "function", "config": "system"}

    assert "uses the function 'system'" in refusal(entry("Dense", activation=function))


def test_activation_of_another_module_is_refused() -> None:
    function = {"module": "evil", "class_name": "function", "config": "relu"}

    assert "uses the function 'relu'" in refusal(entry("Dense", activation=function))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "3", '{"class_name": 3}', "[" * 100_000, b"\xff"]
)
def test_what_is_no_configuration_is_refused(text: str | bytes) -> None:
    with pytest.raises(RefusedError, match="configuration cannot be read"):
        checked_config(text)
