"""Every candidate that a spec asks for: the full grid of one target, simplest first. Pure."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from trifocal.api.target import Runtime
from trifocal.api.techniques import CALIBRATED, CalibrationMethod, Precision, Pruning
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.recipe import Compression, Pruned, Recipe, Student

METHODS: dict[Runtime, tuple[CalibrationMethod, ...]] = {
    "onnxruntime": ("minmax", "percentile", "entropy"),
    "tensorrt": ("minmax", "percentile", "entropy"),
    "executorch": ("minmax", "entropy"),
    "litert": ("minmax",),
}
"""What each quantizer offers, cheapest first: minmax keeps two numbers for each tensor, entropy
searches a histogram."""
_CHOOSES_GRANULARITY: frozenset[Runtime] = frozenset({"onnxruntime"})
"""Both scales per tensor and per channel are real choices; elsewhere per channel is the rule."""


def grid(
    request: OptimizationRequest, runtime: Runtime, offered: AbstractSet[Precision]
) -> tuple[Recipe, ...]:
    """All recipes, in the order of how little they change: on a tie the earlier wins."""
    precisions = [precision for precision in request.precisions if precision in offered]
    return tuple(
        recipe
        for compression in compressions(request)
        for precision in precisions
        for recipe in _variants(request, runtime, compression, precision)
    )


def compressions(request: OptimizationRequest) -> tuple[Compression | None, ...]:
    """The source's own network, then each smaller one."""
    pruned = [_pruned(pruning) for pruning in request.pruning]
    students = [
        Student(library=student.library, architecture=student.name)
        for student in request.distillation.students
    ]
    return (None, *pruned, *students)


def _pruned(pruning: Pruning) -> Pruned:
    return Pruned(method=pruning.method, ratio=pruning.ratio, threshold=pruning.threshold)


def _variants(
    request: OptimizationRequest,
    runtime: Runtime,
    compression: Compression | None,
    precision: Precision,
) -> Iterator[Recipe]:
    if precision not in CALIBRATED:
        yield Recipe(runtime=runtime, precision=precision, compression=compression)
        return
    for per_channel, method in product(
        _granularities(request, runtime), _methods(request, runtime)
    ):
        yield Recipe(
            runtime=runtime,
            precision=precision,
            compression=compression,
            calibration=method,
            per_channel=per_channel,
        )


def _methods(request: OptimizationRequest, runtime: Runtime) -> Sequence[CalibrationMethod]:
    """Those that the spec allows; a quantizer without the wanted one uses its own."""
    wanted = request.quantization.calibration_method
    offered = METHODS[runtime]
    return offered if wanted is None else (wanted,) if wanted in offered else offered[:1]


def _granularities(request: OptimizationRequest, runtime: Runtime) -> Sequence[bool]:
    wanted = request.quantization.per_channel
    if runtime not in _CHOOSES_GRANULARITY:
        return (True,)
    return (True, False) if wanted is None else (wanted,)
