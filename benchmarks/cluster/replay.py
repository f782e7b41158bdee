"""The simulator against real Triton: the same instants of arrival, played and sent, side by side.

Some deployments of one to three pods get a Poisson load at the same time, at one utilisation
after the other. Pods have a known capacity: one execution at a time, which waits for 180 ms.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.cluster import counters
from benchmarks.cluster.execution import EXECUTION_SECONDS
from benchmarks.cluster.fleet import Fleet, picking
from benchmarks.cluster.foretold import Figure, Foretold, foretell, least_request, setting
from benchmarks.cluster.judging import Judgement, judge
from benchmarks.cluster.sending import send
from benchmarks.cluster.stage import NAMESPACE, Stage
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.arrivals import Load, draw
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, Trace
from trifocal.cli.benchmark.open_loop import Answer

OBJECTIVE_SECONDS = 0.72
UTILISATIONS = (0.5, 0.7, 0.85)
SEED = 7
SETTLE_SECONDS = 10.0
"""Between two loads, for the queues to empty."""

SPEC: Mapping[str, Any] = {
    # The Job tries nothing: the same model serves, and takes the same time.
    "optimization": {"precisions": ["fp32"]},
    "serving": {"batching": {"maxBatchSize": 1}},
}


@dataclass(frozen=True)
class Deployed:
    """Some pods and how requests reach them."""

    replicas: int
    balancing: Balancing

    @property
    def name(self) -> str:
        """Of the ModelDeployment."""
        return f"{self.balancing}-{self.replicas}"


DEPLOYED = (
    Deployed(1, "blind"),
    Deployed(2, "blind"),
    Deployed(2, "shared"),
    Deployed(3, "blind"),
    Deployed(3, "shared"),
)
"""One pod alone is balanced in no way."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One deployment at one utilisation."""

    deployed: Deployed
    utilisation: float
    measured: Judgement
    execution_seconds: float
    """By the pods' counters."""
    fastest: float
    """Seconds: what a request took that met an idle pod."""
    sender_late: float
    """Seconds by which the sender itself was late, at p99."""
    told: Foretold
    """By the execution time that was asked for."""
    known: Foretold
    """By the execution time of the counters."""
    counted: Foretold | None
    """As `known`, but for a balancer that sends at once instead of a shared queue."""


async def replay(stage: Stage, seconds: float, utilisations: Sequence[float]) -> list[Row]:
    """Deploys, then sends each utilisation's load for so long."""
    specs = {one.name: {**SPEC, "replicas": one.replicas} for one in DEPLOYED}
    await asyncio.to_thread(stage.deploy, specs)
    fleet = Fleet(NAMESPACE, tuple(specs))
    await fleet.look(0.0)
    rows = []
    for utilisation in utilisations:
        stage.console.print(f"utilisation {utilisation:g}, {seconds:g} s ...")
        loads = {one.name: _load(one, utilisation / EXECUTION_SECONDS, seconds) for one in DEPLOYED}
        rows += await _wave(fleet, loads, utilisation)
        await asyncio.sleep(SETTLE_SECONDS)
    return rows


def _load(deployed: Deployed, pod_rate: float, seconds: float) -> Load:
    rate = pod_rate * deployed.replicas
    minutes = seconds / MINUTE_SECONDS
    steps = np.full(1, rate * seconds) if minutes < 1 else np.full(round(minutes), rate * 60)
    trace = Trace(jobs={deployed.name: steps}, step_seconds=seconds / len(steps), by_chance=True)
    return draw(trace, deployed.name, SEED)


async def _wave(fleet: Fleet, loads: Mapping[str, Load], utilisation: float) -> list[Row]:
    before = await _counters(fleet)
    began = asyncio.get_running_loop().time() + 1.0
    async with asyncio.TaskGroup() as group:
        sent = {
            one.name: group.create_task(
                send(
                    one.name,
                    picking(fleet.members[one.name], one.balancing, SEED),
                    loads[one.name].arrivals.tolist(),
                    began,
                    _nothing,
                )
            )
            for one in DEPLOYED
        }
    after = await _counters(fleet)
    return [
        _row(
            one,
            utilisation,
            loads[one.name],
            sent[one.name].result(),
            counters.execution_seconds(before[one.name], after[one.name]),
        )
        for one in DEPLOYED
    ]


def _nothing() -> None:
    """Nobody counts."""


async def _counters(fleet: Fleet) -> dict[str, list[Any]]:
    return {
        name: await counters.read(member.addresses, name) for name, member in fleet.members.items()
    }


def _row(
    deployed: Deployed,
    utilisation: float,
    load: Load,
    answers: list[Answer],
    executed: float,
) -> Row:
    lags = sorted(one.sent - one.due for one in answers)
    pods = (deployed.replicas, deployed.replicas)

    def foretold(execution_seconds: float) -> Foretold:
        of = setting(execution_seconds, OBJECTIVE_SECONDS, pods, deployed.balancing)
        return foretell(load, of, SEED)

    counting = None
    if deployed.balancing == "shared":
        of = setting(executed, OBJECTIVE_SECONDS, pods, deployed.balancing)
        counting = least_request(load, of, SEED)
    return Row(
        deployed=deployed,
        utilisation=utilisation,
        measured=judge(answers, (), OBJECTIVE_SECONDS, load.seconds),
        execution_seconds=executed,
        fastest=min(one.latency for one in answers),
        sender_late=lags[int(0.99 * len(lags))],
        told=foretold(EXECUTION_SECONDS),
        known=foretold(executed),
        counted=counting,
    )


def table(rows: Sequence[Row]) -> Table:
    """Simulated and measured, side by side."""
    found = Table(
        title=f"An execution waits for {1000 * EXECUTION_SECONDS:g} ms; objective "
        f"{1000 * OBJECTIVE_SECONDS:g} ms; where pods are picked by chance, 5 to 95 % of draws",
        title_justify="left",
    )
    for name in (
        *("pods", "balancing", "busy", "requests", "executed, ms", "p50 sim.", "p50", "p99 sim."),
        *("p99", "gap", "sim. as executed", "gap", "sim. sent at once", "gap", "late sim.", "late"),
    ):
        found.add_column(name, justify="right")
    for row in rows:
        one = row.measured
        found.add_row(
            str(row.deployed.replicas),
            "-" if row.deployed.replicas == 1 else row.deployed.balancing,
            f"{row.utilisation:.2f}",
            str(one.requests),
            f"{1000 * row.execution_seconds:.1f}",
            f"{1000 * row.told.p50.typical:.0f}",
            f"{1000 * one.p50:.0f}",
            _milliseconds(row.told.p99),
            f"{1000 * one.p99:.0f}",
            f"{one.p99 / row.told.p99.typical - 1:+.1%}",
            _milliseconds(row.known.p99),
            f"{one.p99 / row.known.p99.typical - 1:+.1%}",
            _milliseconds(row.counted.p99) if row.counted else "",
            f"{one.p99 / row.counted.p99.typical - 1:+.1%}" if row.counted else "",
            f"{row.told.late.typical:.2%}",
            f"{one.late_share:.2%}",
        )
    return found


def summary(rows: Sequence[Row]) -> str:
    """The gap in one sentence."""

    def gaps(of: str) -> str:
        found = [row.measured.p99 / getattr(row, of).p99.typical - 1 for row in rows]
        return f"{min(found):+.1%} to {max(found):+.1%}, median {float(np.median(found)):+.1%}"

    late = [row.measured.late_share - row.told.late.typical for row in rows]
    failed = sum(row.measured.failed for row in rows)
    lag = max(row.sender_late for row in rows)
    return (
        f"p99 measured over simulated: {gaps('told')}; simulated with the execution time that the "
        f"pods counted: {gaps('known')}. Late: {100 * min(late):+.2f} to {100 * max(late):+.2f} "
        f"points. {failed} requests failed. The sender was late by {1000 * lag:.1f} ms at p99."
    )


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every figure."""
    return [asdict(row) for row in rows]


def _milliseconds(figure: Figure) -> str:
    if figure.low == figure.high:
        return f"{1000 * figure.typical:.0f}"
    return f"{1000 * figure.typical:.0f} ({1000 * figure.low:.0f}-{1000 * figure.high:.0f})"
