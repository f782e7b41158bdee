"""The parts of the benchmark: each plays its loads, prints its tables, and judges its goals."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np
from rich.console import Console

from benchmarks.autoscaling import tables
from benchmarks.autoscaling.cases import (
    NAB,
    TIMED_PEAK,
    Case,
    Results,
    faro,
    follow_plan,
    lossy,
    nab,
    play_all,
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
from benchmarks.autoscaling.studies import (
    LATE_PARTS,
    PERCENTILES,
    PODS,
    Plain,
    all_curves,
    bad_minutes_at_the_limit,
)
from trifocal.autoscaling.scaler import RATE_SECONDS
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.run import draw_all, run_policy
from trifocal.autoscaling.simulation.synthetic import SHAPES
from trifocal.autoscaling.simulation.table import row
from trifocal.cli.line_up import CLAIRVOYANTS

KNOWN_PERCENTILES = (99.0, 99.5, 99.9)
LOSERS = ("keda-strict",)
"""Played where metrics are lost, and nowhere else: it is KEDA otherwise."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is played."""

    cold_starts: tuple[float, ...]
    """Seconds."""
    seeds: tuple[int, ...]
    faro_rows: int | None
    """None: all 360."""
    nab_rows: int
    shapes: tuple[str, ...]
    timed: str
    """The shape on which decisions are timed: the longer, the more history they have."""
    study_minutes: int
    """Of a steady load, for each number of pods."""
    study_requests: int
    """To a batcher, at each rate."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the sections share."""

    size: Size
    policies: tuple[str, ...]
    processes: int
    console: Console
    rows: list[dict[str, object]] = field(default_factory=list)
    """Everything that was played, for --json."""

    def play(self, cases: Sequence[Case], policies: Sequence[str] = ()) -> list[Results]:
        """All policies, or these, on all cases."""
        played = policies or self.policies
        found = []
        with self._telling() as tell:
            for case, results in zip(
                cases, play_all(cases, played, self.processes, tell), strict=True
            ):
                self._keep(case, results)
                found.append(results)
        return found

    def _keep(self, case: Case, results: Results) -> None:
        of = {
            "load": case.name,
            "cold_start": case.setting.cold_start_seconds,
            "seed": case.seed,
        }
        self.rows.extend({**of, **row(one), "turns": turns(one)} for one in results.values())

    @contextmanager
    def _telling(self) -> Iterator[Callable[[str], None]]:
        """What is played now, on stderr if that is a terminal."""
        console = Console(stderr=True)
        if not console.is_terminal:
            yield lambda _task: None
            return
        with console.status("starting") as status:
            yield status.update


def on_recorded_jobs(bench: Bench) -> list[Verdict]:
    """Faro's jobs at each cold start, over seeds."""
    size = bench.size
    try:
        cases = faro(size.cold_starts, size.seeds, size.faro_rows)
    except FileNotFoundError as error:
        bench.console.print(f"skipped: {error.filename} is not there")
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


def on_late_share(bench: Bench) -> list[Verdict]:
    """How often a steady load misses an objective that the model says it keeps."""
    size = bench.size
    body = {}
    for part in LATE_PARTS:
        each = [
            bad_minutes_at_the_limit(part, pods, size.study_minutes, size.seeds[0]) for pods in PODS
        ]
        body[f"{part:g}"] = [f"{bad:.1%}" for bad in (*each, sum(each) / len(each))]
    title = f"minutes that miss p99 at a steady load on c pods, of {size.study_minutes} each"
    columns = [*(f"c = {pods}" for pods in PODS), "mean"]
    first = "part of the allowed late share that is modelled"
    bench.console.print(tables.rows(title, first, columns, body))
    return []


def on_batching(bench: Bench) -> list[Verdict]:
    """The model's latency against a batcher's."""
    body = {}
    everything: list[float] = []
    for name, instances, ratios in all_curves(bench.size.study_requests, bench.size.seeds[0]):
        body[f"{name}, k = {instances}"] = _quantiles(ratios)
        everything += ratios
    body["all"] = _quantiles(everything)
    title = f"modelled latency by simulated, at {len(PERCENTILES)} percentiles of each rate"
    columns = ["least", "a quarter below", "median", "a quarter above", "most"]
    bench.console.print(tables.rows(title, "batcher, k instances", columns, body))
    return []


def _quantiles(ratios: Sequence[float]) -> list[str]:
    return [f"{ratio:.2f}" for ratio in np.quantile(ratios, (0, 0.25, 0.5, 0.75, 1))]


def on_known_rates(bench: Bench) -> list[Verdict]:
    """What remains bad for a plan that knows each minute's mean rate."""
    size = bench.size
    try:
        cases = faro(size.cold_starts, size.seeds, size.faro_rows)
    except FileNotFoundError as error:
        bench.console.print(f"skipped: {error.filename} is not there")
        return []
    body = {}
    for percentile, cold_start in product(KNOWN_PERCENTILES, size.cold_starts):
        results = [
            follow_plan(case, percentile)
            for case in cases
            if case.setting.cold_start_seconds == cold_start
        ]
        score = mean(results)
        body[f"p{percentile:g}, cold start {cold_start:g} s"] = [
            *(str(one.bad_minutes) for one in results),
            f"{score.bad_minutes:.1f}",
            f"{score.replica_hours:.1f}",
        ]
    columns = [*(f"bad, seed {seed}" for seed in size.seeds), "bad", "replica-hours"]
    title = f"{cases[0].name}, staffed for each minute's known rate"
    bench.console.print(tables.rows(title, "staffed for", columns, body))
    return []


def on_plain_rule(bench: Bench) -> list[Verdict]:
    """Which jobs a plain rule misses."""
    size = bench.size
    try:
        cases = faro(size.cold_starts[:1], size.seeds, size.faro_rows)
    except FileNotFoundError as error:
        bench.console.print(f"skipped: {error.filename} is not there")
        return []
    results = [
        run_policy(
            "plain", draw_all(case.trace, case.seed), case.setting, partial(_plain, case.setting)
        )
        for case in cases
    ]
    bad: dict[str, list[int]] = {}
    for result in results:
        for job in result.jobs:
            bad.setdefault(job.job, []).append(sum(job.bad))
    total = sum(result.bad_minutes for result in results)
    body = {
        job: [*map(str, each), f"{sum(each) / max(total, 1):.0%}"]
        for job, each in sorted(bad.items(), key=lambda item: -sum(item[1]))
    }
    columns = [*(f"bad, seed {seed}" for seed in size.seeds), "of all"]
    title = f"{cases[0].name}, M/D/c at the rate of 60 s, held for 300 s: {total} bad minutes"
    bench.console.print(tables.rows(title, "job", columns, body))
    return []


def _plain(setting: Setting, _job: str) -> Plain:
    return Plain(setting)


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
