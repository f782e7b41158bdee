"""fp16: half-precision weights and arithmetic; inputs and outputs stay float32."""

import warnings
from pathlib import Path
from typing import Any

from trifocal.optimizer.importing import load_model


def build(source: Path, target: Path) -> None:
    """Convert and write.

    Raises:
        ValueError: The converter found nothing to convert.
    """
    import onnx  # noqa: PLC0415 - heavy
    from onnxconverter_common import float16  # noqa: PLC0415 - heavy

    with warnings.catch_warnings():
        # One warning for each weight that float16 rounds to zero or cuts off; the gate judges.
        warnings.simplefilter("ignore", UserWarning)
        converted = float16.convert_float_to_float16(load_model(source), keep_io_types=True)
    if not _has_half_weights(converted):
        raise ValueError("no weight became float16")
    onnx.save_model(converted, target)


def _has_half_weights(model: Any) -> bool:
    import onnx  # noqa: PLC0415 - heavy

    half = onnx.TensorProto.FLOAT16
    constants = (
        attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
    )
    return any(t.data_type == half for t in (*model.graph.initializer, *constants))
