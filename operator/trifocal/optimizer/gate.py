"""What a candidate missed of its gate, in sentences with figures. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from trifocal.api.optimization import AccuracyGate, Gate
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.tasks.task import Accuracy

_ROUNDING = 1e-9
"""Shares are counts over counts; this forgives only what floating point lost."""
_SUFFIXES: Mapping[str, Decimal] = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
}


def quantity_bytes(quantity: str) -> int:
    """Bytes of a Kubernetes quantity such as 20Mi."""
    for suffix, factor in _SUFFIXES.items():
        if quantity.endswith(suffix):
            return int(Decimal(quantity.removesuffix(suffix)) * factor)
    return int(Decimal(quantity))


def missed(candidate: Measured, source: Accuracy, gate: Gate) -> tuple[str, ...]:
    """Every test that the candidate did not pass; none means that it passed."""
    return (
        *missed_accuracy(candidate.accuracy, source, gate.accuracy),
        *_missed_latency(candidate, gate),
        *_missed_size(candidate, gate),
    )


def missed_accuracy(accuracy: Accuracy, source: Accuracy, gate: AccuracyGate) -> tuple[str, ...]:
    """The part of the gate that needs no measurement of time."""
    metric = gate.metric
    own, reference = accuracy.metrics[metric], source.metrics[metric]
    found = []
    if reference - own > gate.max_drop + _ROUNDING:
        found.append(
            f"{metric} {own:.4f} is {reference - own:.4f} below the source's {reference:.4f}; "
            f"the gate allows {gate.max_drop:g}"
        )
    if gate.minimum is not None and own < gate.minimum - _ROUNDING:
        found.append(f"{metric} {own:.4f} is below the gate's minimum of {gate.minimum:g}")
    if found and accuracy.not_finite:
        found.append(f"{accuracy.not_finite} answers held NaN or infinity")
    return tuple(found)


def _missed_latency(candidate: Measured, gate: Gate) -> tuple[str, ...]:
    if gate.latency is None:
        return ()
    percentile, allowed = gate.latency.percentile, gate.latency.max_milliseconds
    measured = candidate.latency.percentiles[percentile]
    if measured <= allowed:
        return ()
    return (f"p{percentile} latency {measured:.3f} ms is above the gate's {allowed:g} ms",)


def _missed_size(candidate: Measured, gate: Gate) -> tuple[str, ...]:
    if gate.max_size is None or candidate.size <= quantity_bytes(gate.max_size):
        return ()
    return (f"the file has {candidate.size} bytes, and the gate allows {gate.max_size}",)
