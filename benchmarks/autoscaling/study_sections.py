"""The sections that judge nothing: each prints the table behind a figure of the design."""

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np

from benchmarks.autoscaling import tables
from benchmarks.autoscaling.bench import Bench
from benchmarks.autoscaling.cases import follow_plan
from benchmarks.autoscaling.goals import Verdict, mean
from benchmarks.autoscaling.studies import (
    LATE_PARTS,
    PERCENTILES,
    PODS,
    Plain,
    all_curves,
    bad_minutes_at_the_limit,
)
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.run import draw_all, run_policy

KNOWN_PERCENTILES = (99.0, 99.5, 99.9)


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
    if not (cases := bench.recorded_jobs(size.cold_starts)):
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
    if not (cases := bench.recorded_jobs(size.cold_starts[:1])):
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
