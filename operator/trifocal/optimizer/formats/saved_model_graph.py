"""Which TensorFlow SavedModels are arithmetic only: their functions are read, and nothing is run.

Trust: a SavedModel is a program. Its functions may read and write files and call Python; tables
and other resources are filled by functions that run while it is loaded; a file of TensorFlow 1
runs an operation at load. Each function is checked by a list of operators, but for the two that
save and restore variables, which must be called from nowhere.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.member_limits import refused
from trifocal.optimizer.importing import MAX_MODEL_BYTES

WHAT = "a TensorFlow SavedModel"
_KINDS = frozenset(
    {
        *("user_object", "function", "bare_concrete_function", "variable", "constant"),
        "captured_tensor",
    }
)
"""Of objects; "asset" and "resource" read files or run functions when they are loaded."""
_STRUCTURE = frozenset(
    {
        *("PartitionedCall", "StatefulPartitionedCall", "VarHandleOp", "ReadVariableOp"),
        *("DisableCopyOnRead", "ShapeN", "Rank", "Erfc", "Erfinv", "Xlogy", "Lgamma", "Digamma"),
        *("Assert", "BroadcastArgs", "LinSpace", "Expm1", "Log1p"),
        *("PreventGradient", "Snapshot", "Bitcast"),
    }
)
"""What tf2onnx or TensorFlow's own optimizer resolves before operators are converted."""
_OUTSIDE = (
    *("Queue", "Iterator", "HashTable", "Lookup", "Sentencepiece", "Wordpiece"),
    *("String", "Regex", "AsString", "ReduceJoin", "TFL_"),
)
"""Parts of names that tf2onnx knows but that images do not need, and that hold state or text."""
_SHOWN = 5


def check_graph(folder: Path) -> None:
    """Check the graph of a folder with saved_model.pb.

    Raises:
        RefusedError: ModelInvalid, with the operators.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - TensorFlow's
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - heavy

    path = folder / "saved_model.pb"
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise refused(WHAT, f"saved_model.pb is larger than {MAX_MODEL_BYTES} bytes")
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise refused(WHAT, "saved_model.pb is damaged") from error
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise refused(
            WHAT,
            "it was written by TensorFlow 1, whose files run operations while they are loaded; "
            "load it where you trust it, with tf.saved_model.load of TensorFlow 2",
        )
    _check_objects(model.meta_graphs[0].object_graph_def)
    _check_functions(model.meta_graphs[0])


def _check_objects(graph: Any) -> None:
    for node in graph.nodes:
        kind = node.WhichOneof("kind")
        if kind not in _KINDS or node.registered_name or node.registered_saver:
            raise refused(
                WHAT,
                f"it holds a {kind or 'custom object'}, such as a lookup table, which works on "
                f"files or runs while it is loaded; export the network alone",
            )


def _check_functions(meta: Any) -> None:
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    saver = _saver_functions(meta)
    called = {
        name
        for function in functions.values()
        for node in function.node_def
        for name in (node.op, *_references(node))
    }
    if saver & (called | set(meta.object_graph_def.concrete_functions)):
        raise refused(WHAT, "its network calls the functions that save variables to files")
    allowed = _allowed()
    used = {
        node.op
        for name, function in functions.items()
        if name not in saver
        for node in function.node_def
    }
    unknown = sorted(used - allowed - set(functions))
    if unknown:
        raise _unknown(unknown)


def _saver_functions(meta: Any) -> set[str]:
    saver = meta.saver_def
    nodes = {saver.save_tensor_name.split(":")[0], saver.restore_op_name}
    return {
        name
        for node in meta.graph_def.node
        if node.name in nodes and node.op in {"PartitionedCall", "StatefulPartitionedCall"}
        for name in _references(node)
    }


def _references(node: Any) -> Iterator[str]:
    """Functions in a node's attributes; its operator may name one, too."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _allowed() -> frozenset[str]:
    import tf2onnx.convert  # noqa: F401, PLC0415 - heavy; registers what it can convert
    from tf2onnx.handler import tf_op  # noqa: PLC0415 - heavy

    convertible = {
        name
        for versions in tf_op.get_opsets().values()
        for version in versions
        for name in version
        if not any(part in name for part in _OUTSIDE)
    }
    return frozenset(convertible | _STRUCTURE)


def _unknown(names: list[str]) -> RefusedError:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return refused(
        WHAT,
        f"it uses operators that are not arithmetic on tensors, or have no form in ONNX: "
        f"{', '.join(names[:_SHOWN])}{more}; take them out, such as by decoding images elsewhere",
    )
