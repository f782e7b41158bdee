"""Step `latency`: those that passed every other test, timed in turns with the source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trifocal.optimizer.contract import SOURCE
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.exploring import Bench, Exploration, Trial
from trifocal.optimizer.latency import Clock, measure_latency
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.preparation import Prepared
from trifocal.optimizer.runtimes.backend import Runner
from trifocal.optimizer.search.next_trial import Verdict

Advance = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Starters:
    """Who is timed."""

    runners: Mapping[str, Runner]
    trials: Mapping[str, Trial]
    """By name, without the source."""


def starters(exploration: Exploration, bench: Bench, source: Runner | None) -> Starters:
    """Those that passed, simplest first; before them the source, where it can be served."""
    passed = {
        trial.recipe.name: trial
        for trial in exploration.trials
        if trial.verdict is Verdict.PASSED and trial.entry is not None
    }
    names = [recipe.name for recipe in exploration.recipes if recipe.name in passed]
    trials = {name: passed[name] for name in dict.fromkeys((*names, *passed))}
    runners: dict[str, Runner] = {} if source is None else {SOURCE: source}
    for name, trial in trials.items():
        if trial.entry is not None:
            runners[name] = bench.load(trial.entry.path)
    return Starters(runners=runners, trials=trials)


def measure(
    field: Starters,
    prepared: Prepared,
    source: Evidence,
    largest: int,
    clock: Clock,
    advance: Advance,
) -> Mapping[str, Measured]:
    """Every starter with its figures, in order; `largest` is the batch that is timed besides 1."""
    single = measure_latency(
        field.runners, prepared.image, clock, lambda share: advance(share * 0.6)
    )
    full = single
    if largest > 1:
        full = measure_latency(
            field.runners,
            prepared.image,
            clock,
            lambda share: advance(0.6 + share * 0.4),
            size=largest,
            least=1,  # nobody asks for its percentiles
        )
    found = {}
    for name in field.runners:
        trial = field.trials.get(name)
        entry = trial.entry if trial else None
        path = entry.path if entry else prepared.model.path
        found[name] = Measured(
            name=name,
            path=path,
            size=path.stat().st_size,
            evidence=(trial.evidence if trial else None) or source,
            latency=single[name],
            full_batch=full[name],
            notes=entry.notes if entry else (),
            facts=entry.facts if entry else {},
        )
    return found
