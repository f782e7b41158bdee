"""`trifocal check [--pre]`: whether cluster and installation are fit. Thin I/O; writes nothing."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trifocal.cli.check.checking import (
    Facts,
    after_installation,
    before_installation,
    placeholders_class,
    rights_to_install,
    rights_to_use,
)
from trifocal.cli.check.checks import Check, Verdict
from trifocal.cli.in_force import OPERATOR_SELECTOR
from trifocal.cli.session import ClusterCommand, ExitCode, Reach, cluster_options, opened
from trifocal.cli.user_cluster import DEFINITION, Right, UserCluster
from trifocal.kube.client import Manifest
from trifocal.kube.errors import Refused
from trifocal.kube.lease import LEASE_NAME

OPERATOR_NAMESPACE = "trifocal-system"
"""Where the README installs the chart."""
_PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}

Answer = TypeVar("Answer")


@click.command(cls=ClusterCommand)
@cluster_options
@click.option("--pre", is_flag=True, help="Before the installation: can it be installed here?")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def check(reach: Reach, pre: bool, output: str) -> None:
    """Check the cluster, your rights, the operator and the GPUs, one line for each.

    Exit code: 0 nothing fails (warnings may), 1 something fails, 3 no API server answers.
    """
    facts = asyncio.run(_read(reach, pre=pre))
    checks = before_installation(facts) if pre else after_installation(facts, datetime.now(UTC))
    if output == "json":
        click.echo(json.dumps([asdict(each) for each in checks], indent=2))
    else:
        Console().print(render(checks))
    fails = any(each.verdict is Verdict.FAIL for each in checks)
    click.get_current_context().exit(ExitCode.STALLED if fails else ExitCode.READY)


async def _read(reach: Reach, *, pre: bool) -> Facts:
    needed = rights_to_install(OPERATOR_NAMESPACE) if pre else rights_to_use(reach.namespace)
    async with opened(reach) as kube:
        return await read_facts(kube, needed)


async def read_facts(kube: UserCluster, needed: tuple[Right, ...]) -> Facts:
    """Everything that the caller may read."""
    version = await kube.read("/version")
    crd, crd_readable = await _readable(kube.read(DEFINITION))
    nodes, _ = await _readable(kube.nodes())
    listed, _ = await _readable(kube.list("Deployment", label_selector=OPERATOR_SELECTOR))
    may = await asyncio.gather(*(kube.may(right) for right in needed))
    priority_class, class_readable = await _readable(_priority_class(kube, listed or ()))
    return Facts(
        version=version or {},
        crd=crd,
        crd_readable=crd_readable,
        rights=dict(zip(needed, may, strict=True)),
        nodes=nodes,
        operators=listed,
        lease=await _lease(kube, listed or ()),
        priority_class=priority_class,
        priority_class_readable=class_readable,
    )


async def _lease(kube: UserCluster, listed: tuple[Manifest, ...]) -> Manifest | None:
    if len(listed) != 1:
        return None
    found, _ = await _readable(kube.get("Lease", listed[0]["metadata"]["namespace"], LEASE_NAME))
    return found


async def _priority_class(kube: UserCluster, listed: tuple[Manifest, ...]) -> Manifest | None:
    name = placeholders_class(listed)
    return None if name is None else await kube.read(f"{_PRIORITY_CLASSES}/{name}")


async def _readable(request: Awaitable[Answer]) -> tuple[Answer | None, bool]:
    """The answer, and whether the caller may have it."""
    try:
        return await request, True
    except Refused:
        return None, False


def render(checks: tuple[Check, ...]) -> Table:
    """One line for each check, and what to do below it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in checks:
        words = "\n".join(part for part in (each.found, each.to_do) if part)
        verdict = Text(each.verdict, style=_STYLES[each.verdict])
        table.add_row(verdict, each.name, Text(words))
    return table
