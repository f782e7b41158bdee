"""All tests of the gate that need data: what a candidate missed, and what is worth a note. Pure.

Latency and size are judged where they are measured.
"""

from trifocal.api.gate import Gate
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates.accuracy import missed_accuracy
from trifocal.optimizer.gates.agreement import missed_agreement, noted_agreement
from trifocal.optimizer.gates.answers import missed_answers, noted_answers
from trifocal.optimizer.gates.interval import comparison
from trifocal.optimizer.gates.slices import missed_slices, noted_slices


def missed(candidate: Evidence, source: Evidence, gate: Gate, metric: str) -> tuple[str, ...]:
    """Every test that the candidate did not pass, in sentences; none means that it passed."""
    return (
        *missed_answers(candidate, source),
        *missed_accuracy(candidate, source, gate.accuracy, metric),
        *missed_slices(candidate, source, gate.accuracy, metric),
        *missed_agreement(candidate, gate.agreement),
    )


def notes(candidate: Evidence, source: Evidence, gate: Gate, metric: str) -> tuple[str, ...]:
    """What the report says besides; none of it fails a candidate."""
    return (
        comparison(candidate, source, metric),
        *noted_answers(candidate, source),
        *noted_slices(candidate, source, gate.accuracy, metric),
        *noted_agreement(candidate, gate.agreement),
    )
