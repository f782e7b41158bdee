"""int8: static QDQ quantization for CPUs, unsigned activations and signed weights (U8S8).

U8S8 is ONNX Runtime's recommendation for x86 with VNNI; S8S8 is three times slower there (see
its quantization guide, and the measurements in docs). Without VNNI the 16-bit accumulators of
AVX2's multiply-add overflow, so weights are held to 7 bits (`reduce_range`).
"""

import contextlib
import io
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.optimization import Quantization
from trifocal.optimizer.importing import load_model

MIN_OPSET = 13
"""First opset whose QuantizeLinear takes one scale for each channel."""
VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "avx512vnni"})
X86 = frozenset({"x86_64", "AMD64", "i686"})

Progress = Callable[[int], None]
"""Called with the number of images that have been read."""


def needs_reduced_range(machine: str, cpuinfo: str) -> bool:
    """Whether U8S8 products would overflow: an x86 CPU without VNNI. ARM accumulates in 32 bits."""
    flags = {flag for line in cpuinfo.splitlines() if "flags" in line for flag in line.split()}
    return machine in X86 and not flags & VNNI_FLAGS


class CalibrationImages:
    """Feeds images to ONNX Runtime's calibrator one by one (its CalibrationDataReader)."""

    def __init__(
        self,
        images: Sequence[Path],
        read: Callable[[Path], NDArray[np.float32]],
        input_name: str,
        progress: Progress,
    ) -> None:
        self._images = images
        self._read = read
        self._input = input_name
        self._progress = progress
        self._position = 0

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next image as a batch of one; None at the end."""
        if self._position == len(self._images):
            return None
        self._progress(self._position)
        tensor = self._read(self._images[self._position])
        self._position += 1
        return {self._input: tensor[None]}

    def __len__(self) -> int:
        return len(self._images)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Part of the calibrator's interface: restrict to a slice."""
        self._images = self._images[start_index:end_index]
        self._position = 0

    def rewind(self) -> None:
        """Start again."""
        self._position = 0


def build(
    source: Path, target: Path, images: CalibrationImages, quantization: Quantization
) -> None:
    """Prepare, calibrate, quantize and write.

    Raises:
        ValueError: Nothing was quantized.
    """
    from onnxruntime import quantization as ort  # noqa: PLC0415 - heavy

    prepared = target.with_suffix(".prepared.onnx")
    with _quiet():
        _prepare(source, prepared)
        ort.quantize_static(
            prepared,
            target,
            images,
            quant_format=ort.QuantFormat.QDQ,
            per_channel=quantization.per_channel,
            reduce_range=needs_reduced_range(platform.machine(), _cpuinfo()),
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            calibrate_method=_method(quantization, ort),
        )
    prepared.unlink()
    if not any(node.op_type == "QuantizeLinear" for node in load_model(target).graph.node):
        raise ValueError("the graph holds no operator that can be quantized")


def _prepare(source: Path, prepared: Path) -> None:
    """Infer shapes and fuse, so that Conv and BatchNorm are quantized as one."""
    from onnxruntime.quantization.shape_inference import (  # noqa: PLC0415 - heavy
        quant_pre_process,
    )

    model = _with_opset(load_model(source))
    try:
        quant_pre_process(model, prepared)
    except Exception:  # noqa: BLE001 - symbolic inference asserts and raises at will on odd graphs
        quant_pre_process(model, prepared, skip_symbolic_shape=True)


def _with_opset(model: Any) -> Any:
    from onnx import version_converter  # noqa: PLC0415 - heavy

    version = next((o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}), 0)
    return model if version >= MIN_OPSET else version_converter.convert_version(model, MIN_OPSET)


def _method(quantization: Quantization, ort: Any) -> Any:
    return {
        "minmax": ort.CalibrationMethod.MinMax,
        "entropy": ort.CalibrationMethod.Entropy,
        "percentile": ort.CalibrationMethod.Percentile,
    }[quantization.calibration_method]


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's calibrators print to stdout, and its logger warns of what was just done."""
    import logging  # noqa: PLC0415 - only to silence another library's root logger

    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(previous)
