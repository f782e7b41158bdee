"""From a TensorFlow function of one image tensor to ONNX, by tf2onnx."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.opened import first_line
from trifocal.optimizer.formats.silence import silenced
from trifocal.optimizer.importing import load_model

_OPSET = 17
"""The newest that tf2onnx writes for all operators is 18; every consumer here reads 17."""
_STANDARD = frozenset({"", "ai.onnx.ml"})


def write_onnx(
    answer: Callable[[Any], Any], spec: ModelSpec, target: Path, *, framework: str
) -> str:
    """Trace `answer` with an open batch, write the graph, and return the name of its output.

    Raises:
        RefusedError: ModelInvalid: an operator has no form in ONNX.
    """
    import tensorflow as tf  # noqa: PLC0415 - heavy

    signature = [tf.TensorSpec([None, *spec.inputs[0].shape], tf.float32, name="image")]
    try:
        with quiet():
            import tf2onnx.convert  # noqa: PLC0415 - heavy

            model, _ = tf2onnx.convert.from_function(
                tf.function(answer, input_signature=signature),
                input_signature=signature,
                opset=_OPSET,
                custom_op_handlers={"Erfc": (_erfc, [])},
            )
    except Exception as error:  # converters raise whatever they met in the graph
        raise _not_convertible(framework, first_line(error)) from error
    _check_operators(model, framework)
    target.write_bytes(model.SerializeToString())
    return str(load_model(target).graph.output[0].name)


def use_tensorflow() -> None:
    """Decide the backend and its chatter before Keras or TensorFlow is imported."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


def quiet() -> AbstractContextManager[None]:
    """Without what TensorFlow and tf2onnx tell their own developers."""
    return silenced("tensorflow", "tf2onnx", "absl")


def _erfc(context: Any, node: Any, _name: str, _args: Any) -> None:
    """1 - erf(x), which Keras's gelu needs and tf2onnx lacks."""
    output = node.output[0]
    described = {"shapes": [context.get_shape(output)], "dtypes": [context.get_dtype(output)]}
    context.remove_node(node.name)
    one = context.make_const(f"{node.name}_one", np.array(1, np.float32)).output[0]
    erf = context.make_node("Erf", node.input, **described).output[0]
    context.make_node("Sub", [one, erf], outputs=[output], name=node.name, **described)


def _check_operators(model: Any, framework: str) -> None:
    """tf2onnx leaves what it cannot convert as it was."""
    from onnx import defs  # noqa: PLC0415 - heavy

    unknown = {
        node.op_type
        for node in model.graph.node
        if node.domain in _STANDARD and not defs.has(node.op_type, node.domain)
    }
    if unknown:
        raise _not_convertible(framework, f"no such operators: {', '.join(sorted(unknown)[:5])}")


def _not_convertible(framework: str, why: str) -> RefusedError:
    return RefusedError(
        Reason.MODEL_INVALID,
        f"tf2onnx cannot convert the {framework} model to ONNX ({why}); export it yourself, and "
        f"name the .onnx file as the source.",
    )
