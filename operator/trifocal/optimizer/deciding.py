"""Which of one target's candidates wins, and a row for each: from figures alone. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trifocal.api.gate import Gate
from trifocal.api.optimization import Preference
from trifocal.api.target import Runtime
from trifocal.optimizer.choice import choose
from trifocal.optimizer.exploring import Exploration, Trial
from trifocal.optimizer.gates.latency import missed_latency
from trifocal.optimizer.gates.size import missed_size
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.report import Judgement, judgement_of
from trifocal.optimizer.search.forecast import family


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of one target."""

    runtime: Runtime
    winner: Measured | None
    """None when nobody passed the gate."""
    rows: tuple[Judgement, ...]


@dataclass(frozen=True, kw_only=True)
class Aims:
    """What the spec wants."""

    gate: Gate
    prefer: Preference
    metric: str
    on_device: bool
    """Whether devices run it: the gate's latency is that of the serving pods."""


def decide(exploration: Exploration, finalists: Mapping[str, Measured], aims: Aims) -> Decision:
    """The winner among those who passed everything but the stopwatch, which is read here.

    `finalists`: simplest first, by name; the source is one of them where it can be served.
    """
    missed = {name: "; ".join(_missed(one, aims)) for name, one in finalists.items()}
    passed = [one for name, one in finalists.items() if not missed[name]]
    choice = choose(passed, aims.prefer, aims.metric) if passed else None
    rows = [
        *(
            judgement_of(one, exploration.runtime, "Lost", missed[name])
            for name, one in finalists.items()
            if missed[name]
        ),
        *(_tried(trial) for trial in exploration.trials if trial.recipe.name not in finalists),
        *_unbuildable(exploration),
    ]
    if choice is not None:
        rows += [
            judgement_of(one, exploration.runtime, "Chosen", choice.reason)
            if one.name == choice.name
            else judgement_of(one, exploration.runtime, "Passed", choice.others[one.name])
            for one in passed
        ]
    return Decision(
        runtime=exploration.runtime,
        winner=None if choice is None else finalists[choice.name],
        rows=_ordered(rows, list(finalists), exploration),
    )


def _missed(one: Measured, aims: Aims) -> tuple[str, ...]:
    """The size is asked again, for the source, which was never a trial."""
    latency = None if aims.on_device else aims.gate.latency
    return (
        *missed_latency(one.latency.percentiles, latency),
        *missed_size(one.size, aims.gate.max_size),
    )


def _tried(trial: Trial) -> Judgement:
    """A candidate that did not come as far as the stopwatch."""
    entry = trial.entry
    return Judgement(
        name=trial.recipe.name,
        target=trial.recipe.runtime,
        verdict="Failed" if trial.failure else "Lost",
        reason=trial.failure or "; ".join(trial.missed),
        evidence=trial.evidence,
        size=entry.path.stat().st_size if entry else None,
        notes=entry.notes if entry else (),
        facts=entry.facts if entry else None,
    )


def _unbuildable(exploration: Exploration) -> Iterator[Judgement]:
    """One candidate for each family that no trial was worth, because no sketch could be built."""
    for kin, why in exploration.unbuildable.items():
        recipe = next((one for one in exploration.untried if family(one) == kin), None)
        if recipe is not None:
            yield Judgement(name=recipe.name, target=recipe.runtime, verdict="Failed", reason=why)


def _ordered(
    rows: Sequence[Judgement], finalists: Sequence[str], exploration: Exploration
) -> tuple[Judgement, ...]:
    """The source first, then as the grid has them."""
    names = [recipe.name for recipe in exploration.recipes]
    trials = [trial.recipe.name for trial in exploration.trials]
    order = list(dict.fromkeys((*(n for n in finalists if n not in trials), *names, *trials)))
    return tuple(sorted(rows, key=lambda row: order.index(row.name)))
