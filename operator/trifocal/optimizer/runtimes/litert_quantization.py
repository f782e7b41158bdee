"""Rounds a .tflite file's numbers by litert-quantizer."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.techniques import CALIBRATED, Precision
from trifocal.artifacts.failure import WorkError
from trifocal.optimizer.formats.silence import silenced
from trifocal.optimizer.runtimes.backend import BuildError

_ACTIVATION_BITS: dict[Precision, int] = {"int8": 8, "int16": 16}
_SLOW_IN_INTEGERS = ("HARD_SWISH",)
"""XNNPACK computes it in float32 only; in int8 it falls to a plain loop, which made a network with
28 of them 15 times slower. Kept in float between the integer layers it costs next to nothing."""


def quantize(
    whole: bytes,
    precision: Precision,
    images: Iterable[NDArray[np.float32]],
    *,
    per_channel: bool,
) -> bytes:
    """The file with rounded weights, and with rounded activations where `images` calibrate them.

    Input and output stay float32. Ranges are the smallest and largest values of all images:
    litert-quantizer's own default, a moving average, cuts off what few images show.

    Raises:
        BuildError: The quantizer refuses.
        WorkError: An image is unreadable.
    """
    from litert_quantizer import quantizer  # noqa: PLC0415 - heavy

    recipe = _recipe(precision, per_channel=per_channel)
    try:
        with _quiet():
            ranges = _ranges(whole, recipe, images) if precision in CALIBRATED else None
            worker = quantizer.Quantizer(bytearray(whole), recipe.get_quantization_recipe())
            result = worker.quantize(
                ranges, enable_progress_bar=False, enable_progress_report=False
            )
    except (WorkError, OSError, MemoryError):
        raise
    except Exception as error:  # the quantizer raises whatever it met in the graph
        line = (str(error).strip().splitlines() or [""])[0][:300]
        raise BuildError(
            f"LiteRT's quantizer cannot make {precision} of the network "
            f"({type(error).__name__}: {line}); remove the precision."
        ) from error
    return bytes(result.quantized_model)


def _recipe(precision: Precision, *, per_channel: bool) -> Any:
    from litert_quantizer import qtyping, recipe_manager  # noqa: PLC0415 - heavy
    from litert_quantizer.algorithm_manager import AlgorithmName  # noqa: PLC0415 - heavy

    recipe = recipe_manager.RecipeManager()
    everything = {"regex": ".*", "operation_name": qtyping.TFLOperationName.ALL_SUPPORTED}
    granularity = (
        qtyping.QuantGranularity.CHANNELWISE if per_channel else qtyping.QuantGranularity.TENSORWISE
    )
    match precision:
        case "fp16":
            weights = qtyping.TensorQuantizationConfig(
                num_bits=16, dtype=qtyping.TensorDataType.FLOAT
            )
            recipe.add_quantization_config(
                **everything,
                op_config=qtyping.OpQuantizationConfig(
                    weight_tensor_config=weights,
                    compute_precision=qtyping.ComputePrecision.FLOAT,
                    # Without it the file holds float16 arithmetic, which XNNPACK has on few CPUs.
                    explicit_dequantize=True,
                ),
                algorithm_key=AlgorithmName.FLOAT_CASTING,
            )
        case "int8-dynamic":
            recipe.add_dynamic_config(**everything, num_bits=8, granularity=granularity)
        case "int8-weights":
            recipe.add_weight_only_config(**everything, num_bits=8, granularity=granularity)
        case _:
            recipe.add_static_config(
                **everything,
                activation_num_bits=_ACTIVATION_BITS[precision],
                weight_num_bits=8,
                weight_granularity=granularity,
            )
            for name in ("INPUT", "OUTPUT", *_SLOW_IN_INTEGERS):
                recipe.add_quantization_config(
                    regex=".*",
                    operation_name=qtyping.TFLOperationName[name],
                    algorithm_key=AlgorithmName.NO_QUANTIZE,
                )
    return recipe


def _ranges(whole: bytes, recipe: Any, images: Iterable[NDArray[np.float32]]) -> Any:
    from litert_quantizer import calibrator  # noqa: PLC0415 - heavy
    from litert_quantizer.utils import qsv_utils  # noqa: PLC0415 - heavy

    watcher = calibrator.Calibrator(whole, num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    signature = watcher.get_signature_list()
    name, ends = next(iter(signature.items()))
    # The progress bar asks for the number of images, so that they are read before.
    batches = [{ends["inputs"][0]: image} for image in images]
    watcher.calibrate({name: batches}, recipe)
    return watcher.get_model_qsvs()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without its progress bars, which it writes to stderr, and its advice on debugging."""
    with redirect_stderr(io.StringIO()), silenced():
        yield
