"""int8-dynamic: int8 weights, and activations that are quantized anew for each request."""

from collections import Counter
from pathlib import Path

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.runtimes.backend import BuildError

OPERATORS = ("Gemm", "MatMul")
"""Never Conv: ONNX Runtime's ConvInteger has no fast kernel and is many times slower than float."""


def quantize_dynamic(prepared: Path, target: Path, *, per_channel: bool, reduce_range: bool) -> int:
    """Quantize the matrix products with constant weights. How many there are.

    ONNX Runtime executes them as DynamicQuantizeLinear and MatMulInteger; a Gemm is split into a
    MatMul and an Add.

    Raises:
        BuildError: The graph has none.
    """
    from onnxruntime import quantization as ort  # noqa: PLC0415 - heavy

    with quiet():
        ort.quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=per_channel,
            reduce_range=reduce_range,
            weight_type=ort.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    count: int = sum(node.op_type == "MatMulInteger" for node in load_model(target).graph.node)
    if not count:
        operators = Counter(node.op_type for node in load_model(prepared).graph.node)
        most = ", ".join(f"{many} {name}" for name, many in operators.most_common(3))
        raise BuildError(
            "int8-dynamic is for MatMul and Gemm with constant weights, and the graph has none "
            f"(mostly {most}); use int8, with calibration images"
        )
    return count
