"""Signed, symmetric int8 with float biases: the quantization that TensorRT's parser accepts."""

from pathlib import Path

from trifocal.api.techniques import CalibrationMethod
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.quantization.prepared import prepare
from trifocal.optimizer.quantization.ranges import Examples, Progress, measure_ranges
from trifocal.optimizer.quantization.static import Scheme, quantize

OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Where int8 arithmetic pays on a GPU; the rest is fused into them, or cheap in float."""


def symmetric_int8(  # noqa: PLR0913 - each is the user's or the target's choice
    source: Path,
    target: Path,
    calibration: Calibration,
    input_name: str,
    method: CalibrationMethod,
    *,
    per_channel: bool = True,
    exclude: tuple[str, ...] = (),
    progress: Progress = lambda _count: None,
) -> None:
    """Write `source` with Q and DQ on the inputs and weights of weighted operators.

    Every zero point is 0, biases stay float32, and outputs are not quantized: TensorRT fuses what
    follows a convolution into it only where no Q stands between them.
    Intermediate files lie beside `target` and are removed.

    Raises:
        BuildError: Calibration images are no basis, or there is nothing to quantize.
    """
    prepared, ranges = target.with_suffix(".prepared.onnx"), target.with_suffix(".ranges.json")
    shape = next(calibration.tensors()).shape[1:]
    prepare(source, prepared, shape)
    examples = Examples(calibration=calibration, input_name=input_name, progress=progress)
    measure_ranges(prepared, examples, method, ranges, OPERATORS)
    quantize(prepared, ranges, target, scheme(per_channel=per_channel, exclude=exclude))
    prepared.unlink()
    ranges.unlink()


def scheme(*, per_channel: bool, exclude: tuple[str, ...] = ()) -> Scheme:
    """For `quantize`."""
    return Scheme(
        activations="int8",
        per_channel=per_channel,
        operators=OPERATORS,
        exclude=exclude,
        options={
            "ActivationSymmetric": True,
            "WeightSymmetric": True,
            "QuantizeBias": False,
            "OpTypesToExcludeOutputQuantization": list(OPERATORS),
        },
    )
