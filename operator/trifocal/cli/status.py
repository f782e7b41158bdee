"""`trifocal status NAME`: reads the object and its children, and prints the chain. Thin I/O."""

import asyncio
import json
import sys
import time

import click
from kubernetes.aio.config import ConfigException
from rich.console import Console
from rich.live import Live

from trifocal.api import names
from trifocal.api.schema import KIND
from trifocal.cli.status_tree import Chain, Progress, progress, render
from trifocal.kube.access import find_access
from trifocal.kube.client import Kube
from trifocal.kube.cluster import Cluster
from trifocal.kube.errors import ApiError
from trifocal.kube.limiter import TokenBucket

REFRESH_SECONDS = 2.0
"""Four small lists each time: slow enough for an API server, fast enough for an eye."""
_QPS, _BURST = 20, 40


@click.command()
@click.argument("name")
@click.option("-n", "--namespace", default="default", show_default=True, help="Its namespace.")
@click.option("-w", "--watch", is_flag=True, help="Refresh until it is ready or stalled.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=None, help="Stop watching after SECONDS."
)
@click.option("-o", "--output", type=click.Choice(["tree", "json"]), default="tree")
def status(name: str, namespace: str, watch: bool, timeout: float | None, output: str) -> None:
    """Show what a ModelDeployment does and waits for.

    Exit code: 0 ready, 1 stalled (or it could not be read), 2 still under way.
    """
    if watch and output == "json":
        raise click.UsageError("--watch draws a tree; leave out -o json, or poll without --watch.")
    deadline = time.monotonic() + timeout if timeout is not None else None
    try:
        sys.exit(asyncio.run(_run((namespace, name), deadline, watch=watch, output=output)))
    except (ApiError, ConfigException) as error:
        raise click.ClickException(str(error)) from error


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


async def _run(
    key: tuple[str, str], deadline: float | None, *, watch: bool, output: str
) -> Progress:
    access = await find_access(time.monotonic)
    bucket = TokenBucket(qps=_QPS, burst=_BURST, clock=time.monotonic)
    async with Cluster(access, bucket, lambda _kind, _verb, _outcome: None) as kube:
        chain = await _existing(kube, key)
        console = Console()
        if output == "json":
            click.echo(as_json(chain))
        elif not watch:
            console.print(render(chain))
        else:
            with Live(render(chain), console=console, auto_refresh=False) as live:
                chain = await _follow(kube, key, chain, live, deadline)
        return progress(chain)


async def _follow(
    kube: Kube, key: tuple[str, str], chain: Chain, live: Live, deadline: float | None
) -> Chain:
    while progress(chain) is Progress.WAITING:
        if deadline is not None and time.monotonic() >= deadline:
            break
        await asyncio.sleep(REFRESH_SECONDS)
        chain = await _existing(kube, key)
        live.update(render(chain), refresh=True)
    return chain


async def _existing(kube: Kube, key: tuple[str, str]) -> Chain:
    chain = await read_chain(kube, *key)
    if chain is None:
        namespace, name = key
        raise click.ClickException(
            f"There is no ModelDeployment {name} in namespace {namespace}; "
            "`kubectl get mdep -A` lists them all."
        )
    return chain
