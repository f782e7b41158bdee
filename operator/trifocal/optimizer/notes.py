"""Sentences on how far the result can be trusted, and on what was left out. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trifocal.api.gate import Gate
from trifocal.api.target import SERVED
from trifocal.optimizer.contract import SOURCE
from trifocal.optimizer.deciding import Decision
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.exploring import Exploration
from trifocal.optimizer.gates import verdict
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.search.forecast import family
from trifocal.optimizer.search.next_trial import budget
from trifocal.optimizer.workshop import REUSED


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of one target."""

    exploration: Exploration
    decision: Decision


def notes_on(
    found: Sequence[Found], winner: Measured, source: Evidence, gate: Gate, metric: str
) -> tuple[str, ...]:
    """For status: the served winner against the source, then each target's search."""
    return tuple(_notes(found, winner, source, gate, metric))


def _notes(
    found: Sequence[Found], winner: Measured, source: Evidence, gate: Gate, metric: str
) -> Iterator[str]:
    if winner.name != SOURCE:
        yield from verdict.notes(winner.evidence, source, gate, metric)
        yield from (f"{winner.name}: {note}" for note in winner.notes)
    for one in found:
        exploration = one.exploration
        if any(family(recipe) not in exploration.unbuildable for recipe in exploration.untried):
            yield _search(exploration)
        if (saved := _reused(exploration)) is not None:
            yield saved
        if one.decision.winner is None and exploration.runtime not in SERVED:
            yield _missing(one)


def _search(exploration: Exploration) -> str:
    tried, grid = len(exploration.trials), len(exploration.recipes)
    why = (
        "the search had used its trials"
        if tried >= budget(exploration.recipes)
        else "none of the others was forecast to be better"
    )
    return f"{exploration.runtime}: {tried} of {grid} candidates were tried; {why}."


def _reused(exploration: Exploration) -> str | None:
    """What earlier optimizations saved."""
    built = [trial.entry for trial in exploration.trials if trial.entry is not None]
    reused = sum(REUSED in entry.facts for entry in built)
    if not reused:
        return None
    return f"{exploration.runtime}: {reused} of {len(built)} candidates had been built before."


def _missing(one: Found) -> str:
    rows = one.decision.rows
    why = f"{rows[0].name}: {rows[0].reason}" if rows else "it has no candidates"
    return f"{one.exploration.runtime}: nothing was published, because no candidate passed; {why}."
