"""Which values of a network become integers, and how their ranges are found.

XNNPACK's quantizer decides which operators compute in integers: the same set serves ONNX Runtime
and TensorRT. Its ready-made configurations are not used: they never let a scale fall below 2^-12,
so channels with weights below 0.03 lose their bits, and torchao's fused fake quantization has
another such limit (6e-5): what was trained is not what is converted.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer
from torchao.quantization.pt2e import (
    FakeQuantize,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
    PlaceholderObserver,
)
from torchao.quantization.pt2e.quantizer import QuantizationConfig, QuantizationSpec

SMALLEST_SCALE = 2.0**-30
"""Keeps a channel of zeros from a division by zero, and nothing else."""
AVERAGING = 0.01
"""Share of a new batch in the range of an activation while training (Jacob et al. 2018)."""

Ranges = Literal["minmax", "histogram", "trained", "dynamic"]
"""How ranges of activations are found: smallest and largest value seen; of least squared error over
a histogram of what was seen; a moving average while the network is trained with rounded values; or
anew for each input, as it is run."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to write a network in 8-bit integers."""

    ranges: Ranges
    per_channel: bool = True
    """A scale for each output channel of a weight."""
    symmetric: bool = False
    """Zero is 0 for activations too, as TensorRT demands; weights are symmetric anyway."""
    weight_bits: Literal[7, 8] = 8
    """7 for x86 without VNNI, whose products of two bytes overflow when added in pairs."""


def quantizer(scheme: Scheme) -> XNNPACKQuantizer:
    """The quantizer of a scheme; it needs calibration, training, or for dynamic neither."""
    activation = _activation(scheme)
    dynamic = scheme.ranges == "dynamic"
    config = QuantizationConfig(
        activation,
        None if dynamic else activation,
        _weight(scheme),
        None,  # biases stay in float; each runtime rounds them to its own accumulators
        scheme.ranges == "trained",
    )
    return XNNPACKQuantizer().set_global(config)


def _activation(scheme: Scheme) -> QuantizationSpec:
    observers: dict[Ranges, Any] = {
        "minmax": MinMaxObserver.with_args(eps=SMALLEST_SCALE),
        "histogram": HistogramObserver.with_args(eps=SMALLEST_SCALE),
        "dynamic": PlaceholderObserver.with_args(eps=SMALLEST_SCALE),
        "trained": FakeQuantize.with_args(
            observer=MovingAverageMinMaxObserver,
            averaging_constant=AVERAGING,
            eps=SMALLEST_SCALE,
        ),
    }
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-127 if scheme.symmetric else -128,
        quant_max=127,
        qscheme=torch.per_tensor_symmetric if scheme.symmetric else torch.per_tensor_affine,
        is_dynamic=scheme.ranges == "dynamic",
        observer_or_fake_quant_ctr=observers[scheme.ranges],
    )


def _weight(scheme: Scheme) -> QuantizationSpec:
    largest = 2 ** (scheme.weight_bits - 1) - 1
    if scheme.ranges == "trained":
        moving = (
            MovingAveragePerChannelMinMaxObserver
            if scheme.per_channel
            else MovingAverageMinMaxObserver
        )
        # Weights are known exactly: their range is the present one, not an average of old ones.
        observer = FakeQuantize.with_args(
            observer=moving, averaging_constant=1.0, eps=SMALLEST_SCALE
        )
    else:
        still = PerChannelMinMaxObserver if scheme.per_channel else MinMaxObserver
        observer = still.with_args(eps=SMALLEST_SCALE)
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-largest,
        quant_max=largest,
        qscheme=torch.per_channel_symmetric if scheme.per_channel else torch.per_tensor_symmetric,
        ch_axis=0,
        is_dynamic=False,
        observer_or_fake_quant_ctr=observer,
    )
