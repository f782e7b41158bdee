"""What is played: traces, settings and seeds. The same settings for every trace."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.result import PolicyResult
from trifocal.autoscaling.simulation.run import draw_all, run_policy
from trifocal.autoscaling.simulation.synthetic import synthetic
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, Trace
from trifocal.autoscaling.simulation.trace_csv import read_trace
from trifocal.cli.simulate.line_up import clairvoyant, contestant

TRACES = Path(__file__).resolve().parents[3] / "shared" / "traces"
FARO = "faro-10jobs"
"""Ten of the jobs that Faro (EuroSys 2025) was measured with; one row a minute."""
NAB = (
    "nab-elb_request_count_8c0756",
    "nab-nyc_taxi",
    "nab-twitter_volume_aapl",
    "nab-twitter_volume_crm",
)
"""Of the Numenta Anomaly Benchmark: series with spikes and outages that people have labelled."""
NAB_PEAK, SHAPE_PEAK, TIMED_PEAK = 40, 20, 5
"""Pods that the busiest step keeps busy."""
OUTAGES = tuple(
    (60 * since, 60 * until) for since, until in ((58.0, 66.0), (90.0, 100.0), (175.0, 190.0))
)
"""Of `step`, in seconds: over its rise, while nothing happens, and over its fall."""
LOST_SHARE = 0.2
SETTING = Setting(
    fixed_seconds=0.0,
    item_seconds=0.18,
    max_batch=1,
    objective_seconds=0.72,
    percentile=99.0,
    cold_start_seconds=35.0,
    min_replicas=1,
    max_replicas=100,
)
"""Faro's: ResNet-34 on one CPU core takes 180 ms, and four times as much is the objective."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One load under one setting."""

    name: str
    trace: Trace
    setting: Setting
    seed: int


Results = Mapping[str, PolicyResult]
"""By the policy's name."""


def faro(cold_starts: Sequence[float], seeds: Sequence[int], rows: int | None) -> list[Case]:
    """Faro's jobs with each cold start, in seconds, and each seed; the first `rows` minutes.

    Raises:
        FileNotFoundError: The trace is not there.
    """
    trace = first(read(FARO), rows)
    return [
        Case(
            name=FARO,
            trace=trace,
            setting=replace(SETTING, cold_start_seconds=cold_start),
            seed=seed,
        )
        for cold_start, seed in product(cold_starts, seeds)
    ]


def nab(name: str, seed: int, rows: int) -> Case:
    """One series with a step a minute: the `rows` steps about the busiest one.

    Raises:
        FileNotFoundError: The trace is not there.
    """
    whole = read(name)
    trace = whole.faster(whole.step_seconds / MINUTE_SECONDS).with_peak(NAB_PEAK, SETTING)
    trace, begin = about_the_peak(trace, rows)
    end = begin + _rows(trace)
    return Case(
        name=f"{name}, steps {begin + 1} to {end} of {_rows(whole)}",
        trace=trace,
        setting=SETTING,
        seed=seed,
    )


def shape(name: str, seed: int, peak: int = SHAPE_PEAK) -> Case:
    """A built-in load."""
    trace = synthetic(name).with_peak(peak, SETTING)
    return Case(name=name, trace=trace, setting=SETTING, seed=seed)


def lossy(seed: int) -> list[Case]:
    """Loads of which metrics are lost: all of them for a while, and single scrapes."""
    return [
        replace(one, name=f"{one.name}, {what}", setting=replace(one.setting, lost=lost))
        for one, what, lost in (
            (shape("step", seed), "no metrics at times", Lost(windows=OUTAGES)),
            (
                shape("sawtooth", seed),
                f"{LOST_SHARE:.0%} of scrapes lost",
                Lost(share=LOST_SHARE, seed=seed),
            ),
        )
    ]


def read(name: str) -> Trace:
    """A trace of TRACES."""
    return read_trace((TRACES / f"{name}.csv").read_text(encoding="utf-8"))


def first(trace: Trace, rows: int | None) -> Trace:
    """The trace's first rows; all of them for None."""
    return part(trace, 0, _rows(trace) if rows is None else rows)


def about_the_peak(trace: Trace, rows: int) -> tuple[Trace, int]:
    """At most `rows` rows with the busiest one in their middle, and the index of the first."""
    (requests,) = trace.jobs.values()
    begin = min(max(int(requests.argmax()) - rows // 2, 0), max(len(requests) - rows, 0))
    return part(trace, begin, rows), begin


def part(trace: Trace, begin: int, rows: int) -> Trace:
    """Some of the rows."""
    return replace(
        trace, jobs={job: requests[begin : begin + rows] for job, requests in trace.jobs.items()}
    )


def follow_plan(case: Case, percentile: float) -> PolicyResult:
    """The clairvoyant for any percentile."""
    one = clairvoyant(case.trace, case.setting, percentile)
    return run_policy(
        f"p{percentile:g}", draw_all(case.trace, case.seed), case.setting, one.make, one.initial
    )


def play(task: tuple[Case, str]) -> PolicyResult:
    """One policy on one case; runs in a process of its own."""
    case, policy = task
    one = contestant(policy, case.trace, case.setting)
    loads = draw_all(case.trace, case.seed)
    return run_policy(policy, loads, case.setting, one.make, one.initial)


def play_all(
    cases: Sequence[Case], policies: Sequence[str], processes: int, tell: Callable[[str], None]
) -> Iterator[Results]:
    """Every policy on every case, case by case; whatever ends first, the order is the same."""
    tasks = list(product(cases, policies))
    with multiprocessing.get_context("spawn").Pool(min(processes, len(tasks))) as pool:
        found = pool.imap(play, tasks)
        for case in cases:
            results = {}
            for policy in policies:
                tell(f"{case.name}, {policy}")
                results[policy] = next(found)
            yield results


def _rows(trace: Trace) -> int:
    return len(next(iter(trace.jobs.values())))
