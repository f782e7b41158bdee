"""`trifocal rollout undo NAME`: put back the spec of what served before. Thin I/O."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import click
from rich.console import Console

from trifocal.api.manifest import InvalidSpec
from trifocal.cli.in_force import operators
from trifocal.cli.plan.command import render, shown, told
from trifocal.cli.plan.effects import differences
from trifocal.cli.plan.prospect import Prospect
from trifocal.cli.rollout.appliers import sources, warnings
from trifocal.cli.rollout.undoing import target, undo_patch
from trifocal.cli.seen import Seen, must_see
from trifocal.cli.session import (
    ClusterCommand,
    ExitCode,
    Reach,
    Unanswered,
    cluster_options,
    opened,
)
from trifocal.cli.user_cluster import UserCluster
from trifocal.kube.client import Manifest
from trifocal.kube.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo did, or would do."""

    namespace: str
    name: str
    revision: str
    """Whose spec it is."""
    changes: tuple[str, ...]
    """Field: old -> new."""
    prospect: Prospect | None
    """None where it cannot be told: the operator has not looked at the present spec, say."""
    warnings: tuple[str, ...]
    written: bool


@click.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option("--to-revision", "revision", help="A revision of `rollout history`.")
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def undo(name: str, reach: Reach, revision: str | None, dry_run: bool, output: str) -> None:
    """Put the spec back that served before, or, while a rollout is under way, the one that serves.

    The number of pods and a pause stay as they are.
    Exit code: 0 done, 1 the API server refuses the old spec, 3 no such spec is kept.
    """
    try:
        done = asyncio.run(_undo(reach, name, revision, dry_run=dry_run))
    except (Refused, InvalidSpec) as error:
        if isinstance(error, Refused) and error.reason != "Invalid":
            raise
        click.echo(f"The spec that was kept is no longer valid: {error}", err=True)
        click.get_current_context().exit(ExitCode.STALLED)
    if output == "json":
        click.echo(json.dumps(asdict(done), indent=2))
        return
    _show(done)


async def _undo(reach: Reach, name: str, revision: str | None, *, dry_run: bool) -> Undone:
    async with opened(reach) as kube:
        seen = await must_see(kube, reach.namespace, name)
        kept = target(seen, revision)
        patch = undo_patch(seen.body, kept)
        after = await kube.try_merge(seen.body, patch)
        differing = tuple(differences(seen.body["spec"], after["spec"]))
        found = Undone(
            namespace=reach.namespace,
            name=name,
            revision=kept.revision,
            changes=tuple(f"{'.'.join(p)}: {shown(a)} -> {shown(b)}" for p, a, b in differing),
            prospect=_prospect(seen, after, await operators(kube)),
            warnings=tuple(_warnings(seen, [path for path, _, _ in differing])),
            written=bool(differing) and not dry_run,
        )
        if found.written:
            await _write(kube, seen, patch)
    return found


async def _write(kube: UserCluster, seen: Seen, patch: Manifest) -> None:
    try:
        await kube.merge(seen.body, patch)
    except Refused as error:
        if not error.is_conflict:
            raise
        raise Unanswered(
            "Somebody changed it in the same moment, so nothing was written; look at it again."
        ) from error


def _prospect(seen: Seen, after: Manifest, deployments: tuple[Manifest, ...]) -> Prospect | None:
    """None where it cannot be told, which is no reason not to go back."""
    try:
        return told(seen, after, deployments, datetime.now(UTC))
    except Unanswered:
        return None


def _warnings(seen: Seen, paths: list[tuple[str, ...]]) -> Iterator[str]:
    if paths:
        yield from warnings(sources(seen.body, paths), "its spec")
    if seen.body["spec"].get("suspend"):
        yield "It is paused: nothing happens before `rollout resume`."


def _show(done: Undone) -> None:
    if not done.changes:
        click.echo(f"{done.name} has the spec of revision {done.revision} already")
        return
    if done.prospect is None:
        click.echo("\n".join(f"  {change}" for change in done.changes))
        click.echo("What it causes cannot be told: the operator's present state is not known.")
    else:
        Console().print(render([done.prospect]))
    verb = "goes back" if done.written else "would go back"
    click.echo(f"{done.name} {verb} to the spec of revision {done.revision}")
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)
