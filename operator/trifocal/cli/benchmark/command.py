"""`trifocal benchmark NAME`: load on a served model, for as long and as hard as is asked. Thin."""

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

import click

from trifocal.cli.benchmark.measuring import LoadPlan, Measured, measure
from trifocal.cli.benchmark.open_loop import instants
from trifocal.cli.benchmark.text import lines, warnings
from trifocal.cli.seen import must_see
from trifocal.cli.session import (
    ClusterCommand,
    Reach,
    Unanswered,
    cluster_options,
    opened,
)
from trifocal.kube.access import find_access

MAX_RATE = 100.0
"""Requests a second without a flag that asks for more: others may use the model and the API server,
through which the tunnel goes."""
MAX_SECONDS = 600.0


@click.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Requests a second, to all pods together.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, MAX_SECONDS, min_open=True),
    default=10.0,
    show_default=True,
    help="How long requests are sent.",
)
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="As independent clients, or as a camera.",
)
@click.option("--protocol", type=click.Choice(["http", "grpc"]), default="http", show_default=True)
@click.option(
    "--address",
    help="HOST:PORT of the model, without a tunnel; from inside the cluster "
    "NAME.NAMESPACE.svc:8000, or :8001 for gRPC.",
)
@click.option(
    "--max-rate",
    type=click.FloatRange(0, min_open=True),
    default=MAX_RATE,
    show_default=True,
    help="A higher rate is refused.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the instants.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def benchmark(
    name: str, reach: Reach, address: str | None, max_rate: float, output: str, **load: Any
) -> None:
    """Send inferences to a served model and say how long they took.

    Requests are sent at given instants, whether or not earlier ones were answered, so that waiting
    is measured. They are real load: the scaler counts them as well.
    Exit code: 0 measured, 3 it cannot be measured, or every request failed.
    """
    plan = LoadPlan(**load)
    if plan.rate > max_rate:
        raise Unanswered(
            f"{plan.rate:g} requests a second are more than {max_rate:g}, and others may use this "
            f"model and the API server; if that is meant, say --max-rate {plan.rate:g}."
        )
    if not instants(plan.arrivals, plan.rate, plan.seconds, plan.seed):
        raise Unanswered("No request would be sent in this time; raise --rate or --seconds.")
    found = asyncio.run(_measure(reach, name, address, plan))
    if output == "json":
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        click.echo("\n".join(lines(found)))
    for warning in warnings(found):
        click.echo(f"Warning: {warning}", err=True)
    if found.summary.failed == found.summary.requests:
        raise Unanswered("Every request failed.")


async def _measure(reach: Reach, name: str, address: str | None, plan: LoadPlan) -> Measured:
    async with opened(reach) as kube:
        seen = await must_see(kube, reach.namespace, name)
    access = await find_access(time.monotonic, reach.kubeconfig, reach.context)
    return await measure(seen, access, address, plan)
