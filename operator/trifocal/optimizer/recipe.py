"""What one candidate is made of: a smaller network, then fewer bits for its numbers. Pure."""

from dataclasses import dataclass
from typing import Literal

from trifocal.api.target import Runtime
from trifocal.api.techniques import CalibrationMethod, Precision

PruningMethod = Literal["structured", "magnitude", "2:4"]


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The source with a part of its weights removed."""

    method: PruningMethod
    ratio: float | None = None
    """Share of channels (structured) or of weights (magnitude); None where a threshold decides."""
    threshold: float | None = None
    """Magnitude below which a weight becomes zero; only for the method magnitude."""

    @property
    def name(self) -> str:
        """Such as pruned50, sparse80, sparse-0.01 or sparse2of4."""
        if self.method == "2:4":
            return "sparse2of4"
        if self.threshold is not None:
            return f"sparse-{self.threshold:g}"
        prefix = "pruned" if self.method == "structured" else "sparse"
        return f"{prefix}{100 * (self.ratio or 0):g}"


@dataclass(frozen=True, kw_only=True)
class Student:
    """Another, smaller network that learns from the source."""

    library: Literal["torchvision", "timm", "factory"]
    architecture: str

    @property
    def name(self) -> str:
        """Such as student-mobilenet_v3_small."""
        return f"student-{self.architecture.replace(':', '.')}"


Compression = Pruned | Student


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One candidate of one target."""

    runtime: Runtime
    precision: Precision
    compression: Compression | None = None
    calibration: CalibrationMethod | None = None
    """How ranges are taken; None for a precision that is not calibrated."""
    per_channel: bool = True
    """One scale for each output channel; without meaning where weights keep their type."""
    keep_float: tuple[str, ...] = ()
    """Names of graph nodes that stay in float because they lose most."""

    @property
    def name(self) -> str:
        """Unique within a target: pruned50-int8-entropy, int8, fp16, student-resnet18-fp32."""
        parts = [self.compression.name] if self.compression else []
        parts.append(self.precision)
        if self.calibration not in {None, "minmax"}:
            parts.append(str(self.calibration))
        if self.calibration is not None and not self.per_channel:
            parts.append("tensor")
        if self.keep_float:
            parts.append("mixed")
        return "-".join(parts)
