"""Test: accuracy on all evaluation data. Pure."""

from trifocal.api.gate import AccuracyGate
from trifocal.optimizer.evidence import Evidence

ROUNDING = 1e-9
"""Shares are counts over counts; this forgives only what floating point lost."""


def missed_accuracy(
    candidate: Evidence, source: Evidence, gate: AccuracyGate, metric: str
) -> tuple[str, ...]:
    """The drop against the source, and the minimum. As measured: chance excuses nothing here."""
    own, reference = candidate.tally.measure(metric), source.tally.measure(metric)
    found = []
    if reference - own > gate.max_drop + ROUNDING:
        found.append(
            f"{metric} {own:.4f} is {reference - own:.4f} below the source's {reference:.4f}; "
            f"the gate allows {gate.max_drop:g}"
        )
    if gate.minimum is not None and own < gate.minimum - ROUNDING:
        found.append(f"{metric} {own:.4f} is below the gate's minimum of {gate.minimum:g}")
    return tuple(found)
