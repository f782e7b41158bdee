"""Static quantization: QuantizeLinear and DequantizeLinear around operators, ranges measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.quantization.tail import free_results, tail
from trifocal.optimizer.runtimes.backend import BuildError

Bits = Literal["int8", "uint8", "uint16"]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How a runtime wants a graph quantized. Weights are signed 8 bit and symmetric."""

    activations: Bits
    per_channel: bool
    reduce_range: bool = False
    """Weights use 7 of their 8 bits."""
    operators: tuple[str, ...] = ()
    """What is quantized; none means all that ONNX Runtime can."""
    exclude: tuple[str, ...] = ()
    """Names of nodes that stay in float."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """`extra_options` of ONNX Runtime's quantize_static."""


def quantize(prepared: Path, ranges: Path, target: Path, scheme: Scheme) -> None:
    """Quantize a prepared graph with measured ranges. What follows the last weights stays in float.

    Raises:
        BuildError: The graph holds nothing to quantize, or a node to exclude is not in it.
    """
    import onnx  # noqa: PLC0415 - heavy
    from onnxruntime import quantization as ort  # noqa: PLC0415 - heavy

    source = load_model(prepared)
    _check_names(source, scheme.exclude)
    after = tail(source)
    types = {
        "int8": ort.QuantType.QInt8,
        "uint8": ort.QuantType.QUInt8,
        "uint16": ort.QuantType.QUInt16,
    }
    with quiet():
        ort.quantize_static(
            prepared,
            target,
            calibration_cache_path=ranges,
            calibrate_method=_method(ranges),
            quant_format=ort.QuantFormat.QDQ,
            op_types_to_quantize=list(scheme.operators),
            nodes_to_exclude=[*scheme.exclude, *after],
            per_channel=scheme.per_channel,
            reduce_range=scheme.reduce_range,
            activation_type=types[scheme.activations],
            weight_type=ort.QuantType.QInt8,
            extra_options=dict(scheme.options),
        )
    quantized = load_model(target)
    if not any(node.op_type == "QuantizeLinear" for node in quantized.graph.node):
        raise BuildError(
            "the graph holds no operator that can be quantized; leave this precision out"
        )
    free_results(quantized, frozenset(after))
    onnx.save_model(quantized, target)


def _method(ranges: Path) -> Any:
    from onnxruntime.quantization.calibrate import (  # noqa: PLC0415 - heavy
        load_tensors_data,
    )

    return load_tensors_data(ranges).calibration_method


def _check_names(model: Any, names: tuple[str, ...]) -> None:
    known = {node.name for node in model.graph.node}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BuildError(f"the graph has no node '{unknown[0]}' to keep in float")
