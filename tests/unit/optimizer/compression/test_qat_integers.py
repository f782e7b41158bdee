"""Signs of integers in ONNX graphs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trifocal.optimizer.compression.qat_integers import integers, make_unsigned

WEIGHTS = np.array([[1, -2, 3], [-4, 5, -128]], np.int8)
SCALES = np.array([0.5, 0.25, 0.125], np.float32)


def rounded_product() -> Any:
    """The product round(x) @ w: int8 with scale 0.5 and zero -28, a scale per column."""
    tensors: dict[str, NDArray[Any]] = {
        "scale": np.array(0.5, np.float32),
        "zero": np.array(-28, np.int8),
        "w": WEIGHTS,
        "w_scales": SCALES,
        "w_zeros": np.zeros(3, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "w_scales", "w_zeros"], ["wd"], axis=1),
        helper.make_node("MatMul", ["d", "wd"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": images})[0])


def values(model: Any) -> dict[str, NDArray[Any]]:
    return {it.name: numpy_helper.to_array(it) for it in model.graph.initializer}


def test_zero_moves_by_128_and_weights_stay_signed() -> None:
    model = rounded_product()
    make_unsigned(model)
    onnx.checker.check_model(model, full_check=True)
    found = values(model)
    quantize, dequantize, weights, _ = model.graph.node
    assert found[quantize.input[2]].dtype == np.uint8
    assert found[quantize.input[2]] == 100  # -28 + 128
    assert dequantize.input[2] == quantize.input[2]
    assert found[weights.input[0]].dtype == np.int8
    assert "zero" not in found


def test_no_value_changes() -> None:
    # int8 from -128 to 127 with scale 0.5 and zero -28 holds -50 to 77.5: both ends are passed.
    images = np.array([[-60, 90], [0.26, -0.26], [3.3, -7.9], [77.5, -50]], np.float32)
    signed, unsigned = rounded_product(), rounded_product()
    make_unsigned(unsigned)
    held = np.clip(np.rint(images / 0.5) - 28, -128, 127)
    expected = ((held + 28) * 0.5) @ (WEIGHTS * SCALES)
    np.testing.assert_allclose(run(signed, images), expected, rtol=1e-6)
    np.testing.assert_allclose(run(unsigned, images), expected, rtol=1e-6)


def test_integers_counts_what_a_file_holds(tmp_path: Path) -> None:
    onnx.save_model(rounded_product(), tmp_path / "model.onnx")
    assert integers(tmp_path / "model.onnx") == {
        "quantizeNodes": 1,
        "dequantizeNodes": 2,
        "perChannelWeights": 1,
        # 6 weights, 3 zeros and one more; a scale and three more of four bytes.
        "weightBytes": {"int8": 10, "float32": 16},
    }
