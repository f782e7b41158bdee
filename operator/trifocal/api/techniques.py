"""`spec.optimization`: how candidates are made smaller, and what they are trained with."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trifocal.api.location import VerifiedLocation
from trifocal.api.rule import Rule, pattern_rule
from trifocal.api.schema import ApiModel

Precision = Literal[
    "fp32", "fp16", "int8", "int8-qat", "int8-dynamic", "int8-weights", "int16", "codebook8"
]
PRECISIONS: tuple[Precision, ...] = (
    "fp32",
    "fp16",
    "int8",
    "int8-qat",
    "int8-dynamic",
    "int8-weights",
    "int16",
    "codebook8",
)
CALIBRATED: frozenset[Precision] = frozenset({"int8", "int16"})
"""Need calibration images."""
CalibrationMethod = Literal["minmax", "entropy", "percentile"]


class Quantization(ApiModel):
    """How quantized candidates are made. Unset fields are searched."""

    per_channel: bool | None = Field(
        default=None,
        description="One scale for each output channel of a weight; unset means that both are "
        "candidates.",
    )
    calibration_method: CalibrationMethod | None = Field(
        default=None,
        description="How activation ranges are taken from the calibration data; unset means that "
        "each method is a candidate.",
    )
    calibration_samples: Annotated[int, Field(ge=8, le=4096)] = Field(
        default=128, description="Images of the calibration set that are used."
    )
    float_layers: Annotated[int, Field(ge=0, le=64)] = Field(
        default=4,
        description="How many of the layers that lose most may stay in float when an int8 "
        "candidate misses its gate; 0 keeps none.",
    )


Ratio = Annotated[
    float,
    Rule(
        cel="self >= 0.05 && self <= 0.95",
        holds=lambda it: 0.05 <= it <= 0.95,  # noqa: PLR2004 - less is no change, more no network
        says="must be a share from 0.05 to 0.95; write 0.5 for a half.",
    ),
]


class Pruning(ApiModel):
    """One way to remove weights. The rest is trained again on `datasets.training`."""

    method: Literal["structured", "magnitude", "2:4"] = Field(
        default="structured",
        description="structured removes whole channels: fewer bytes and less work. magnitude sets "
        "the smallest weights to zero, and 2:4 two of every four: runtimes for CPUs store and "
        "multiply zeros like any number, so that only compressed size changes.",
    )
    ratio: Ratio | None = Field(
        default=None, description="Share of channels or of weights that is removed, such as 0.5."
    )
    threshold: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None,
        description="With method magnitude instead of a ratio: weights below it become zero.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.method == '2:4' ? !has(self.ratio) && !has(self.threshold) : "
            "(self.method == 'magnitude' ? has(self.ratio) != has(self.threshold) : "
            "has(self.ratio) && !has(self.threshold))",
            holds=lambda it: {
                "2:4": it.ratio is None and it.threshold is None,
                "magnitude": (it.ratio is None) != (it.threshold is None),
                "structured": it.ratio is not None and it.threshold is None,
            }[it.method],
            says="structured pruning needs a ratio, magnitude pruning a ratio or a threshold, and "
            "2:4 neither; the method is '{method}'.",
            at=".ratio",
        ),
    )


ArchitectureName = Annotated[
    str,
    Field(max_length=100),
    pattern_rule(
        "[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z_][A-Za-z0-9_]*)?",
        "must be the name of a network, such as mobilenet_v3_small, or module:function.",
    ),
]


class Architecture(ApiModel):
    """A network by name; its weights come from elsewhere."""

    library: Literal["torchvision", "timm", "factory"] = Field(
        default="torchvision",
        description="Who builds it. factory: `name` is module:function in the optimizer image.",
    )
    name: ArchitectureName = Field(description="Such as mobilenet_v3_small.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.library == 'factory') == self.name.contains(':')",
            holds=lambda it: (it.library == "factory") == (":" in it.name),
            says="The library is {library} and the name '{name}': a factory is named as "
            "module:function, and a network of torchvision or timm has no colon in its name.",
            at=".name",
        ),
    )


class Distillation(ApiModel):
    """How smaller networks learn from a teacher: its answers, the labels, or both."""

    teacher: VerifiedLocation | None = Field(
        default=None, description="ONNX model with the same input and labels; unset: the source."
    )
    students: Annotated[tuple[Architecture, ...], Field(max_length=4)] = Field(
        default=(), description="Smaller networks to try besides the pruned source."
    )
    temperature: Annotated[float, Field(ge=1, le=20)] = Field(
        default=4.0, description="Softens the answers of teacher and student (Hinton et al. 2015)."
    )
    label_weight: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5,
        description="Share of the loss that comes from the labels, where there are any; the rest "
        "comes from the teacher's answers.",
    )


class FineTuning(ApiModel):
    """How pruned, distilled and quantization-aware candidates are trained."""

    epochs: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="Passes over the training data."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1e-3, description="Adam's, at its highest; it falls along a cosine."
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64, description="Images of one step."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="Of everything that is random."
    )
