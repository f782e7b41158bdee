"""Test: the raw answers are numbers, differ between images, and are not cut off. Pure."""

from trifocal.optimizer.evidence import Evidence

_PILED_UP = 3
"""Answers that share one exact extreme: between real images two are rare already."""
_PILED_SHARE = 0.01
_CUT = 0.02
"""Share of the source's range that must be missing: less is rounding."""


def missed_answers(candidate: Evidence, source: Evidence) -> tuple[str, ...]:
    """Answers that are no answers. What the source does as well is no fault of the candidate."""
    own, reference = candidate.answers, source.answers
    found = []
    if own.not_finite > reference.not_finite:
        found.append(
            f"{own.not_finite} of {own.items} answers held NaN or infinity (the source: "
            f"{reference.not_finite}); numbers that grow too large for its precision are a usual "
            f"cause"
        )
    if own.constant and not reference.constant:
        found.append(f"it answers all {own.items} images alike")
    return tuple(found)


def noted_answers(candidate: Evidence, source: Evidence) -> tuple[str, ...]:
    """Outputs that stop where the source's go on: calibrated on images that were too tame."""
    own, reference = candidate.answers, source.answers
    least = max(_PILED_UP, _PILED_SHARE * own.items)
    gap = _CUT * (reference.high - reference.low)
    found = []
    for word, limit, beyond, count, missing in (
        ("above", own.high, reference.high, own.at_high, reference.high - own.high),
        ("below", own.low, reference.low, own.at_low, own.low - reference.low),
    ):
        if count >= least and missing > gap:
            found.append(
                f"its outputs never go {word} {limit:.4g}, where {count} of {own.items} answers "
                f"stop, and the source's reach {beyond:.4g}: they are cut off at the range of the "
                f"calibration data; calibrate on more varied images"
            )
    return tuple(found)
