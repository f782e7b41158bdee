"""Trifocal against a real HPA on real pods: the same ramp of load, at the same time.

Two ModelDeployments of the same artifact get requests at the same instants. One has an objective
and is scaled by Trifocal; of the other kube-controller-manager's HPA sets the `scale` subresource,
from the request rate, at 70 % of a pod's capacity, as KEDA would generate it.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.cluster.adapter import LABEL, METRIC, Gateway, served
from benchmarks.cluster.execution import EXECUTION_SECONDS
from benchmarks.cluster.fleet import Count, Fleet, Member, picking
from benchmarks.cluster.foretold import setting
from benchmarks.cluster.judging import Judgement, cold_starts, judge
from benchmarks.cluster.replay import OBJECTIVE_SECONDS, SEED, SPEC
from benchmarks.cluster.sending import send
from benchmarks.cluster.stage import NAMESPACE, Stage
from tests.e2e.cluster import Cluster, eventually
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.arrivals import Load, draw
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policies import hpa
from trifocal.autoscaling.simulation.policy import Policy
from trifocal.autoscaling.simulation.result import JobResult, job_result
from trifocal.autoscaling.simulation.trace import Trace
from trifocal.autoscaling.simulation.trifocal_policy import Trifocal
from trifocal.cli.benchmark.open_loop import Answer

TRIFOCAL, HPA = "trifocal", "hpa"
MOST = 6
STEP_SECONDS = 15.0
PEAK: Mapping[Balancing, float] = {"shared": 13.5, "blind": 7.6}
"""Requests per second for which Trifocal's model asks for four pods. Where pods share a queue the
HPA needs four as well; behind a Service, where they do not, its 70 % are two."""
LOW = 0.8
"""Requests per second that one pod carries, by either."""
MINUTES = (2.0, 4.0, 3.0, 2.0, 8.0)
"""Low, up, peak, down, and low again for longer than either holds."""
TARGET = 0.7 / EXECUTION_SECONDS
"""Requests per second and pod that the HPA aims at."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one scaler has made of the load."""

    name: str
    judgement: Judgement
    counts: tuple[Count, ...]
    words: tuple[tuple[float, str], ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Both sides, and what the simulator makes of the same arrivals."""

    balancing: Balancing
    load: Load
    cold_start_seconds: float
    """Median of all scale-ups."""
    sides: tuple[Side, ...]
    simulated: Mapping[str, JobResult]


def profile(balancing: Balancing, scale: float = 1.0) -> Trace:
    """The ramp as means of steps; a `scale` of its time is left for a trial."""
    ends = np.cumsum((0.0, *MINUTES)) * 60 * scale
    rates = (LOW, LOW, PEAK[balancing], PEAK[balancing], LOW, LOW)
    middles = np.arange(STEP_SECONDS / 2, ends[-1], STEP_SECONDS)
    requests = np.interp(middles, ends, rates) * STEP_SECONDS
    return Trace(jobs={"ramp": requests}, step_seconds=STEP_SECONDS, by_chance=True)


async def ramp(stage: Stage, balancing: Balancing, scale: float = 1.0) -> Outcome:
    """Deploys both, sends both the ramp, and looks on."""
    await asyncio.to_thread(stage.deploy, _specs(balancing))
    load = draw(profile(balancing, scale), "ramp", SEED)
    fleet = Fleet(NAMESPACE, (TRIFOCAL, HPA))
    await fleet.look(0.0)
    for member in fleet.members.values():
        member.counts.clear()
    loop = asyncio.get_running_loop()
    began = loop.time() + 30.0
    gateways = {name: Gateway(clock=lambda: loop.time() - began) for name in fleet.members}
    async with served(stage.cluster, NAMESPACE, gateways):
        await asyncio.to_thread(_autoscale, stage.cluster)
        stage.console.print(f"{len(load.arrivals)} requests each in {load.seconds:.0f} s ...")
        with _watching(fleet, began):
            answers = await _send(fleet, load, balancing, gateways, began)
            await asyncio.sleep(max(began + load.seconds - loop.time(), 0.0))
    sides = tuple(_side(member, answers[name], load) for name, member in fleet.members.items())
    starts = [seconds for side in sides for seconds in cold_starts(side.counts)]
    cold_start = median(starts) if starts else 0.0
    return Outcome(
        balancing=balancing,
        load=load,
        cold_start_seconds=cold_start,
        sides=sides,
        simulated=_simulated(load, balancing, cold_start),
    )


def _specs(balancing: Balancing) -> dict[str, dict[str, Any]]:
    objective = {"latency": {"percentile": 99, "maxMilliseconds": 1000 * OBJECTIVE_SECONDS}}
    scaling = {
        "minReplicas": 1,
        "maxReplicas": MOST,
        "objective": objective,
        "balancing": "least-request" if balancing == "shared" else "service",
    }
    return {TRIFOCAL: {**SPEC, "scaling": scaling}, HPA: {**SPEC, "replicas": 1}}


def _autoscale(cluster: Cluster) -> None:
    """As KEDA generates it from a trigger with metricType AverageValue; the rest are defaults."""
    external = {
        "metric": {"name": METRIC, "selector": {"matchLabels": {LABEL: HPA}}},
        "target": {"type": "AverageValue", "averageValue": f"{round(1000 * TARGET)}m"},
    }
    cluster.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": HPA, "namespace": NAMESPACE},
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": "trifocal.dev/v1alpha1",
                    "kind": "ModelDeployment",
                    "name": HPA,
                },
                "minReplicas": 1,
                "maxReplicas": MOST,
                "metrics": [{"type": "External", "external": external}],
            },
        }
    )
    eventually(
        lambda: cluster.get("hpa", HPA, "-n", NAMESPACE).get("status", {}).get("conditions", ()),
        lambda found: any(
            one["type"] == "ScalingActive" and one["status"] == "True" for one in found
        ),
        seconds=60,
        what="a metric for the HPA",
    )


@contextlib.contextmanager
def _watching(fleet: Fleet, began: float) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(fleet.watch(began))
    try:
        yield
    finally:
        task.cancel()


async def _send(
    fleet: Fleet, load: Load, balancing: Balancing, gateways: Mapping[str, Gateway], began: float
) -> dict[str, list[Answer]]:
    arrivals = load.arrivals.tolist()
    async with asyncio.TaskGroup() as group:
        sent = {
            name: group.create_task(
                send(name, picking(member, balancing, SEED), arrivals, began, gateways[name].count)
            )
            for name, member in fleet.members.items()
        }
    return {name: task.result() for name, task in sent.items()}


def _side(member: Member, answers: list[Answer], load: Load) -> Side:
    counts = [count for count in member.counts if count.at < load.seconds]
    return Side(
        name=member.name,
        judgement=judge(answers, counts, OBJECTIVE_SECONDS, load.seconds),
        counts=tuple(counts),
        words=tuple(member.words) if member.name == TRIFOCAL else (),
        answers=tuple(answers),
    )


def _simulated(load: Load, balancing: Balancing, cold_start: float) -> dict[str, JobResult]:
    of = setting(EXECUTION_SECONDS, OBJECTIVE_SECONDS, (1, MOST), balancing, cold_start)

    def played(policy: Policy) -> JobResult:
        return job_result("ramp", simulate(load, of, policy, initial=1), of)

    return {TRIFOCAL: played(Trifocal(of)), HPA: played(hpa.rate(of))}


def table(outcome: Outcome) -> Table:
    """Both sides, measured and simulated."""
    found = Table(
        title=f"{outcome.balancing}: {len(outcome.load.arrivals)} requests in "
        f"{outcome.load.seconds / 60:.0f} min, {LOW:g} to {PEAK[outcome.balancing]:g} per second "
        f"and back, p99 within {1000 * OBJECTIVE_SECONDS:g} ms; cold start "
        f"{outcome.cold_start_seconds:.0f} s",
        title_justify="left",
    )
    found.add_column("scaler")
    for name in (
        *("p50 ms", "p99 ms", "late", "bad minutes", "late outside cold starts"),
        *("replica-minutes", "peak", "changes", "failed"),
    ):
        found.add_column(name, justify="right")
    for side in outcome.sides:
        one = side.judgement
        found.add_row(
            side.name,
            f"{1000 * one.p50:.0f}",
            f"{1000 * one.p99:.0f}",
            f"{one.late_share:.2%}",
            f"{one.bad_minutes} of {one.minutes}",
            f"{one.settled_late_share:.2%} of {one.settled_requests}",
            f"{one.replica_minutes:.1f}",
            str(one.peak),
            str(one.changes),
            str(one.failed),
        )
    for name, result in outcome.simulated.items():
        found.add_row(f"{name}, simulated", "", "", *_foretold(result))
    return found


def _foretold(result: JobResult) -> tuple[str, ...]:
    late = sum(result.late) / max(sum(result.requests), 1)
    return (
        f"{late:.2%}",
        f"{sum(result.bad)} of {len(result.bad)}",
        "",
        f"{60 * result.replica_hours:.1f}",
        str(max(number for _, number in result.changes)),
        str(result.scale_events),
        "",
    )


def course(outcome: Outcome) -> list[str]:
    """A line for each side: when it ordered what."""
    lines = []
    for side in outcome.sides:
        steps = [side.counts[0], *(b for a, b in pairwise(side.counts) if a.ordered != b.ordered)]
        orders = ", ".join(f"{count.at:.0f} s: {count.ordered}" for count in steps)
        bad = ", ".join(
            str(minute + 1) for minute, is_bad in enumerate(side.judgement.bad) if is_bad
        )
        lines.append(f"{side.name}: {orders}; bad minutes: {bad or 'none'}")
    return lines


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every figure but the single requests."""
    return [
        {
            "balancing": outcome.balancing,
            "cold_start_seconds": outcome.cold_start_seconds,
            "simulated": {name: asdict(one) for name, one in outcome.simulated.items()},
            "sides": [
                {
                    "name": side.name,
                    **asdict(side.judgement),
                    "counts": [asdict(count) for count in side.counts],
                    "words": side.words,
                }
                for side in outcome.sides
            ],
        }
        for outcome in outcomes
    ]
