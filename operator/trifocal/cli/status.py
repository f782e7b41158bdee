"""`trifocal status NAME`: reads the object and its children, and prints the chain. Thin I/O."""

import asyncio
import json
from functools import partial

import click
from rich.console import Console
from rich.live import Live

from trifocal.api import names
from trifocal.api.schema import KIND
from trifocal.cli.durations import Timeout
from trifocal.cli.session import ClusterCommand, Reach, cluster_options, no_such, opened
from trifocal.cli.status_tree import Chain, progress, render
from trifocal.cli.waiting import Wait, until_settled
from trifocal.kube.client import Kube


@click.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option(
    "-w", "--wait", "--watch", is_flag=True, help="Follow it until it is ready or stalled."
)
@click.option("--timeout", type=Timeout(), help="Wait at most so long, such as 90s or 5m.")
@click.option("-o", "--output", type=click.Choice(["tree", "json"]), default="tree")
def status(name: str, reach: Reach, wait: bool, timeout: float | None, output: str) -> None:
    """Show what a ModelDeployment does and waits for.

    Exit code: 0 ready, 1 stalled, 2 still under way (or timed out), 3 it could not be read.
    """
    waits = Wait(seconds=timeout) if wait or timeout is not None else None
    chain = asyncio.run(_run(reach, name, waits, as_tree=output == "tree"))
    if output == "json":
        click.echo(as_json(chain))
    click.get_current_context().exit(progress(chain))


async def read_chain(kube: Kube, namespace: str, name: str) -> Chain | None:
    """The object and its children; None when there is no such object."""
    body = await kube.get(KIND, namespace, name)
    if body is None:
        return None
    selector = f"{names.NAME_LABEL}={name}"
    deployments, pods, services = [
        await kube.list(kind, namespace, label_selector=selector)
        for kind in ("Deployment", "Pod", "Service")
    ]
    return Chain(body=body, deployments=deployments, pods=pods, services=services)


async def must_read(kube: Kube, namespace: str, name: str) -> Chain:
    """The same, where there has to be one.

    Raises:
        Unanswered: there is no such object.
    """
    found = await read_chain(kube, namespace, name)
    if found is None:
        raise no_such(namespace, name)
    return found


def as_json(chain: Chain) -> str:
    """The object, its children and the verdict, for programs."""
    return json.dumps(
        {
            "progress": progress(chain).name.lower(),
            "modelDeployment": chain.body,
            "deployments": chain.deployments,
            "pods": chain.pods,
            "services": chain.services,
        },
        indent=2,
    )


async def _run(reach: Reach, name: str, wait: Wait | None, *, as_tree: bool) -> Chain:
    async with opened(reach) as kube:
        read = partial(must_read, kube, reach.namespace, name)
        first = await read()
        console = Console()
        if wait is None:
            if as_tree:
                console.print(render(first))
            return first
        if not as_tree:
            return await until_settled(first, read, wait)
        with Live(render(first), console=console, auto_refresh=False) as live:
            return await until_settled(
                first, read, wait, show=lambda chain: live.update(render(chain), refresh=True)
            )
