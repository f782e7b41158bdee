"""Gives a converted graph the names that the spec says, one output and an open batch."""

from pathlib import Path
from typing import Any

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.operators import graphs

OUTPUT = "output"
"""Name of the answer, where spec.model.output names none."""


def canonicalize(path: Path, *, input_name: str, answer: str, output_name: str) -> None:
    """Rename the graph's input and its output `answer`, and drop the other outputs.

    Tensors that have these names already make way.
    """
    import onnx  # noqa: PLC0415 - heavy

    model = load_model(path)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    current = next(value.name for value in graph.input if value.name not in weights)
    kept = [value for value in graph.output if value.name == answer]
    del graph.output[:]
    graph.output.extend(kept)
    # The batch is the first dimension everywhere; exporters give it a new name at each place.
    del graph.value_info[:]
    _rename(model, _exchange({current: input_name, answer: output_name}))
    for value in (*graph.input, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if value.name in {input_name, output_name} and dimensions and not dimensions[0].dim_value:
            dimensions[0].dim_param = "batch"
    model.doc_string = ""
    onnx.save_model(model, path)


def _exchange(names: dict[str, str]) -> dict[str, str]:
    """The renaming, with those that already bear a new name moved aside."""
    taken = {new: f"{new}_before" for old, new in names.items() if new not in names}
    return {**taken, **names}


def _rename(model: Any, names: dict[str, str]) -> None:
    for graph in graphs(model):
        for node in graph.node:
            for field in (node.input, node.output):
                for position, name in enumerate(field):
                    field[position] = names.get(name, name)
        for value in (*getattr(graph, "initializer", ()),):
            value.name = names.get(value.name, value.name)
        for value in (*graph.input, *graph.output):
            if not isinstance(value, str):
                value.name = names.get(value.name, value.name)
