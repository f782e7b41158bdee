"""`trifocal rollout ...`: follow, look back, start pods anew, pause, resume; undo. Thin I/O."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
from rich.console import Console

from trifocal.api.schema import KIND
from trifocal.cli.durations import Timeout
from trifocal.cli.rollout.appliers import appliers, warnings
from trifocal.cli.rollout.history import History, history, serving_deployments
from trifocal.cli.rollout.history_text import render
from trifocal.cli.rollout.undo import undo
from trifocal.cli.seen import must_see
from trifocal.cli.session import (
    ClusterCommand,
    Reach,
    Unanswered,
    cluster_options,
    no_such,
    opened,
)
from trifocal.cli.status import must_read
from trifocal.cli.status_tree import Chain, Progress, progress
from trifocal.cli.waiting import Wait, until_settled
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import name_of, replicas_of

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation of `kubectl rollout restart`: the Deployment controller replaces the pods when it
changes. The operator's manifest does not name it, so the operator leaves it as it is."""


@click.group()
def rollout() -> None:
    """Follow a rollout, look back, go back, start pods anew, pause and resume."""


rollout.add_command(undo)


@rollout.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option("--timeout", type=Timeout(), help="Wait at most so long, such as 90s or 5m.")
def status(name: str, reach: Reach, timeout: float | None) -> None:
    """Wait until the present spec serves, with a line for each step on the way.

    Exit code: 0 ready, 1 stalled, 2 timed out, 3 it could not be read.
    """
    chain = asyncio.run(_follow(reach, name, Wait(seconds=timeout)))
    click.get_current_context().exit(progress(chain))


async def _follow(reach: Reach, name: str, wait: Wait) -> Chain:
    told: list[str] = []

    def tell(chain: Chain) -> None:
        line = step_line(chain)
        if told[-1:] != [line]:
            told.append(line)
            click.echo(line)

    async with opened(reach) as kube:
        read = partial(must_read, kube, reach.namespace, name)
        first = await read()
        tell(first)
        return await until_settled(first, read, wait, tell)


def step_line(chain: Chain) -> str:
    """Where it stands, in one line."""
    ready = chain.condition("Ready")
    revision = chain.status.get("revision") or {}
    match progress(chain):
        case Progress.READY:
            return f"ready: revision {revision.get('serving')} has the traffic"
        case Progress.STALLED:
            return f"stalled ({ready['reason']}): {ready['message']}"
        case _:
            if chain.is_unseen:
                return "waits for the operator to look at this spec"
            return f"waits ({ready['reason']}): {ready['message']}"


@rollout.command(name="history", cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def history_command(name: str, reach: Reach, output: str) -> None:
    """List the revisions, the specs that can be gone back to, and the results that are kept."""
    found = asyncio.run(_look_back(reach, name))
    if output == "json":
        click.echo(json.dumps(asdict(found), indent=2, default=lambda when: when.isoformat()))
    else:
        Console().print(render(found, datetime.now(UTC)))


async def _look_back(reach: Reach, name: str) -> History:
    async with opened(reach) as kube:
        return history(await must_see(kube, reach.namespace, name))


@rollout.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
def restart(name: str, reach: Reach) -> None:
    """Replace the serving pods one by one, as `kubectl rollout restart` does.

    The revision stays what it is. One more pod has to find a place while it lasts.
    """
    click.echo(asyncio.run(_restart(reach, name, datetime.now(UTC))))


async def _restart(reach: Reach, name: str, now: datetime) -> str:
    async with opened(reach) as kube:
        seen = await must_see(kube, reach.namespace, name)
        deployments = [each for each in serving_deployments(seen) if replicas_of(each) > 0]
        if not deployments:
            raise Unanswered(f"No pod of {name} serves, so there is none to replace.")
        for deployment in deployments:
            await kube.merge(deployment, restart_patch(now))
    return "\n".join(f"Deployment {name_of(each)} replaces its pods" for each in deployments)


def restart_patch(now: datetime) -> dict[str, Any]:
    """What makes the Deployment controller replace each pod."""
    annotations = {RESTARTED_AT: now.isoformat(timespec="seconds")}
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


@rollout.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
def pause(name: str, reach: Reach) -> None:
    """Stop acting on it (spec.suspend); what serves goes on, and its number of pods stays."""
    _suspend(reach, name, suspended=True)


@rollout.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
def resume(name: str, reach: Reach) -> None:
    """Go on where it was paused."""
    _suspend(reach, name, suspended=False)


def _suspend(reach: Reach, name: str, *, suspended: bool) -> None:
    before = asyncio.run(_set_suspend(reach, name, suspended=suspended))
    done = "paused" if suspended else "resumed"
    if bool(before["spec"].get("suspend")) == suspended:
        click.echo(f"{name} was {done} already")
        return
    click.echo(f"{name} {done}")
    for warning in warnings(appliers(before, [("suspend",)]), "spec.suspend"):
        click.echo(f"Warning: {warning}", err=True)


async def _set_suspend(reach: Reach, name: str, *, suspended: bool) -> Manifest:
    """Write it if it differs; the object as it was."""
    async with opened(reach) as kube:
        body = await kube.get(KIND, reach.namespace, name)
        if body is None:
            raise no_such(reach.namespace, name)
        if bool(body["spec"].get("suspend")) != suspended:
            await kube.merge(body, {"spec": {"suspend": suspended}})
        return body
