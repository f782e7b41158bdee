"""Plain engines: what TensorRT's own guide and ONNX Runtime's tell a user to do, nothing more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.preparation import Prepared

Build = Callable[[Any, Prepared, int, Path], bytes]
"""Takes the TensorRT module, the model, its largest batch and a folder; gives an engine."""


def _fp32(trt: Any, prepared: Prepared, max_batch: int, _folder: Path) -> bytes:
    return engine_of(trt, prepared.model.path.read_bytes(), prepared, max_batch)


def _fp16(trt: Any, prepared: Prepared, max_batch: int, _folder: Path) -> bytes:
    """TensorRT 11 has no flag for it: the file is converted, with the converter's defaults."""
    import onnx  # noqa: PLC0415 - heavy
    from onnxruntime.transformers.float16 import (  # noqa: PLC0415 - heavy
        convert_float_to_float16,
    )

    model = convert_float_to_float16(onnx.load(prepared.model.path), keep_io_types=True)
    return engine_of(trt, model.SerializeToString(), prepared, max_batch)


def _int8(trt: Any, prepared: Prepared, max_batch: int, folder: Path) -> bytes:
    """ONNX Runtime's recipe for TensorRT: symmetric signed 8 bit, biases in float."""
    from onnxruntime import quantization  # noqa: PLC0415 - heavy

    calibration = prepared.calibration
    if calibration is None:
        raise ValueError("there are no images to calibrate with")
    target = folder / "plain-int8.onnx"
    quantization.quantize_static(
        prepared.model.path,
        target,
        _Reader(name=prepared.model.input, tensors=calibration.tensors()),
        activation_type=quantization.QuantType.QInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        extra_options={
            "ActivationSymmetric": True,
            "WeightSymmetric": True,
            "AddQDQPairToWeight": True,
            "QuantizeBias": False,
        },
    )
    return engine_of(trt, target.read_bytes(), prepared, max_batch)


PLAIN: Mapping[str, Build] = {"fp32": _fp32, "fp16": _fp16, "int8": _int8}


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """onnxruntime's CalibrationDataReader."""

    name: str
    tensors: Iterator[NDArray[np.float32]]

    def get_next(self) -> Mapping[str, NDArray[np.float32]] | None:
        tensor = next(self.tensors, None)
        return None if tensor is None else {self.name: tensor}


def engine_of(trt: Any, model: bytes, prepared: Prepared, max_batch: int) -> bytes:
    """As in TensorRT's quick start, with one profile.

    Raises:
        RuntimeError: The parser's first complaint, or that there is no engine.
    """
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        raise RuntimeError(parser.get_error(0).desc())
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    fixed = prepared.model.fixed_batch
    sizes = (fixed,) * 3 if fixed else (1, max_batch, max_batch)
    profile.set_shape(
        prepared.model.input, *((size, *prepared.model.input_shape) for size in sizes)
    )
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError("no engine")
    return bytes(plan)
