"""The parts of the benchmark: each plays its loads, prints its tables, and judges its goals."""

from benchmarks.autoscaling import tables
from benchmarks.autoscaling.bench import Bench
from benchmarks.autoscaling.cases import (
    NAB,
    TIMED_PEAK,
    lossy,
    nab,
    shape,
)
from benchmarks.autoscaling.decisions import time_decisions
from benchmarks.autoscaling.goals import (
    DECISION_SECONDS,
    OURS,
    TURNS_PER_CHANGE,
    Verdict,
    better_on_both,
    given_up,
    mean,
    on_faro,
    turns,
)
from benchmarks.autoscaling.study_sections import (
    on_batching,
    on_known_rates,
    on_late_share,
    on_plain_rule,
)
from trifocal.autoscaling.scaler import RATE_SECONDS
from trifocal.autoscaling.simulation.synthetic import SHAPES
from trifocal.cli.simulate.line_up import CLAIRVOYANTS

LOSERS = ("keda-strict",)
"""Played where metrics are lost, and nowhere else: it is KEDA otherwise."""


def on_recorded_jobs(bench: Bench) -> list[Verdict]:
    """Faro's jobs at each cold start, over seeds."""
    size = bench.size
    if not (cases := bench.recorded_jobs(size.cold_starts)):
        return []
    verdicts = []
    for cold_start in size.cold_starts:
        results = bench.play(
            [case for case in cases if case.setting.cold_start_seconds == cold_start]
        )
        rows = "" if size.faro_rows is None else f", rows 1 to {size.faro_rows}"
        title = f"{cases[0].name}{rows}, cold start {cold_start:g} s"
        bench.console.print(tables.over_seeds(title, size.seeds, results))
        scores = {policy: mean([one[policy] for one in results]) for policy in bench.policies}
        verdicts += [
            Verdict(sentence=f"{title}: {verdict.sentence}", met=verdict.met)
            for verdict in on_faro(cold_start, scores)
        ]
    return verdicts


def on_series(bench: Bench) -> list[Verdict]:
    """Each of NAB's series."""
    cases = []
    for name in NAB:
        try:
            cases.append(nab(name, bench.size.seeds[0], bench.size.nab_rows))
        except FileNotFoundError as error:
            bench.console.print(f"skipped: {error.filename} is not there")
    verdicts = []
    for case, results in zip(cases, bench.play(cases) if cases else [], strict=True):
        bench.console.print(tables.one_load(case.name, results))
        if OURS not in results:
            continue
        others = {
            name: mean([one])
            for name, one in results.items()
            if name != OURS and name not in CLAIRVOYANTS
        }
        better = better_on_both(mean([results[OURS]]), others)
        what = ", ".join(better) or "no baseline"
        sentence = f"{case.name}: {what} better than {OURS} on both axes (goal: none)"
        verdicts.append(Verdict(sentence=sentence, met=not better))
    return verdicts


def on_shapes(bench: Bench) -> list[Verdict]:
    """The built-in loads, and whether the policy swings."""
    cases = [shape(name, bench.size.seeds[0]) for name in bench.size.shapes]
    results = dict(zip(bench.size.shapes, bench.play(cases), strict=True))
    title = "built-in loads: bad minutes / replica-hours / changes of direction"
    bench.console.print(tables.many_loads(title, results))
    verdicts = []
    for name, one in results.items():
        most = TURNS_PER_CHANGE * SHAPES[name].changes
        if OURS in one:
            found = turns(one[OURS])
            sentence = f"{name}: {found} changes of direction (goal: at most {most})"
            verdicts.append(Verdict(sentence=sentence, met=found <= most))
    return verdicts


def on_decisions(bench: Bench) -> list[Verdict]:
    """What a decision costs."""
    case = shape(bench.size.timed, bench.size.seeds[0], TIMED_PEAK)
    spent = {policy: time_decisions(case, policy) for policy in bench.policies}
    bench.console.print(tables.decisions(f"CPU time of a decision, {case.name}", spent))
    if OURS not in spent:
        return []
    found = spent[OURS].mean_seconds
    sentence = (
        f"{1e6 * found:.0f} us of CPU per decision (goal: at most {1e6 * DECISION_SECONDS:g})"
    )
    return [Verdict(sentence=sentence, met=found <= DECISION_SECONDS)]


def on_lost_metrics(bench: Bench) -> list[Verdict]:
    """What each policy does with what it cannot see."""
    verdicts = []
    policies = (*bench.policies, *(one for one in LOSERS if one not in bench.policies))
    cases = lossy(bench.size.seeds[0])
    for case, results in zip(cases, bench.play(cases, policies), strict=True):
        # Within a rate's window after the last scrape a policy still has data of its own.
        unseen = [(since + RATE_SECONDS, until) for since, until in case.setting.lost.windows]
        bench.console.print(tables.lost(case.name, results, unseen))
        if OURS not in results:
            continue
        ours = results[OURS]
        if unseen:
            sentence = f"{case.name}: {given_up(ours, unseen)} replicas given up unseen (goal: 0)"
            verdicts.append(Verdict(sentence=sentence, met=not given_up(ours, unseen)))
        (job,) = case.trace.jobs
        most = TURNS_PER_CHANGE * SHAPES[job].changes
        sentence = f"{case.name}: {turns(ours)} changes of direction (goal: at most {most})"
        verdicts.append(Verdict(sentence=sentence, met=turns(ours) <= most))
    return verdicts


SECTIONS = {
    "faro": on_recorded_jobs,
    "nab": on_series,
    "shapes": on_shapes,
    "lost": on_lost_metrics,
    "late-share": on_late_share,
    "batching": on_batching,
    "known-rates": on_known_rates,
    "plain-rule": on_plain_rule,
    "decisions": on_decisions,
}
