"""Test: a candidate answers as the source does, on every dataset and every slice of it. Pure.

Labels are not needed, so data count on which accuracy cannot be judged. A row (dataset or slice)
fails when it agrees less than the minimum and chance does not explain it: when a model that agrees
exactly at the minimum would show so little agreement in fewer than 5 % of all samples of that size
(an exact one-sided binomial test; for slices divided by their number). So of two images with one
disagreement no conclusion is drawn, while 0 of 20 fails at any minimum above 0.14. Approximate
intervals are no good here: Wilson's lets a single disagreement in a slice of one image fail.

Agreement of boxes and masks lies anywhere between 0 and 1; it varies less than that of answers that
are alike or not, with the same mean, so there the test fails a candidate later than it could.
"""

from collections.abc import Iterator

from trifocal.api.gate import AgreementGate
from trifocal.optimizer.evidence import Agreement, Evidence
from trifocal.optimizer.gates.accuracy import ROUNDING
from trifocal.optimizer.gates.chance import LEVEL, binomial_tail


def missed_agreement(candidate: Evidence, gate: AgreementGate) -> tuple[str, ...]:
    """Datasets and slices that agree too little."""
    return tuple(
        _sentence(row, gate) for row, by_chance in _below(candidate, gate) if not by_chance
    )


def noted_agreement(candidate: Evidence, gate: AgreementGate) -> tuple[str, ...]:
    """Datasets and slices that are below the minimum, and too small to tell."""
    return tuple(
        f"{_sentence(row, gate)}, but chance explains that on so few images"
        for row, by_chance in _below(candidate, gate)
        if by_chance
    )


def _below(candidate: Evidence, gate: AgreementGate) -> Iterator[tuple[Agreement, bool]]:
    for row in candidate.agreement:
        if row.share < gate.minimum - ROUNDING:
            siblings = sum(
                other.dataset == row.dataset and (other.slice is None) == (row.slice is None)
                for other in candidate.agreement
            )
            disagreeing = round(row.items * (1 - row.share))
            chance = binomial_tail(disagreeing, row.items, 1 - gate.minimum)
            yield row, chance > LEVEL / siblings


def _sentence(row: Agreement, gate: AgreementGate) -> str:
    where = f"the {row.dataset} data"
    if row.slice is not None:
        where = f"the slice '{row.slice}' of {where}"
    return (
        f"it agrees with the source on {row.share:.2%} of {where} ({row.items} images); the gate "
        f"asks for {gate.minimum:.2%}"
    )
