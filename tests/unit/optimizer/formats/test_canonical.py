"""Names of a converted graph."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from trifocal.optimizer.formats.canonical import canonicalize
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner


def test_names_that_are_taken_make_way(tmp_path: Path) -> None:
    # Inside, "x" and "output" are other tensors: the answer is (2 image + 1), and not 2 image.
    shape: list[str | int | None] = ["n", 2]
    one = helper.make_tensor("x", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["image", "image"], ["output"]),
            helper.make_node("Add", ["output", "x"], ["answer"]),
            helper.make_node("Neg", ["answer"], ["second"]),
        ],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name in ("second", "answer")
        ],
        [one],
    )
    path = tmp_path / "m.onnx"
    onnx.save_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )

    canonicalize(path, input_name="x", answer="answer", output_name="output")

    result = onnx.load_model(path)
    onnx.checker.check_model(result)
    assert [value.name for value in result.graph.input] == ["x"]
    assert [value.name for value in result.graph.output] == ["output"]
    assert result.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    answers = OnnxRunner(path, None, threads=1).run(np.asarray([[1, 2], [3, 4]], np.float32))
    assert answers.tolist() == [[3, 5], [7, 9]]
