"""`trifocal plan -f FILE`: what applying it would cause. A server's dry run; nothing is written."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import IO, Any

import click
import yaml
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trifocal.api.manifest import InvalidSpec
from trifocal.api.schema import API_VERSION, KIND
from trifocal.cli.in_force import is_reproduced, operators, settings_in_force
from trifocal.cli.plan.applying import dry_run
from trifocal.cli.plan.effects import Change, Effect, Ground
from trifocal.cli.plan.prospect import Prospect, prospect
from trifocal.cli.seen import Seen, see, seen_in
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

_DEAR = frozenset({Effect.OPTIMIZATION, Effect.PUBLICATION})
MAX_VALUE = 40
"""Characters of an old or new value that the table shows."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An object that would not be taken, or of which nothing can be told."""

    namespace: str
    name: str
    message: str
    exit_code: ExitCode
    """STALLED: change the manifest. UNANSWERED: it cannot be told."""


Answer = Prospect | Refusal


@click.command(cls=ClusterCommand)
@cluster_options
@click.option(
    "-f", "--filename", "file", type=click.File(), required=True, help="Manifests; - for stdin."
)
@click.option("--field-manager", help="Who will apply it server-side; unset means as last time.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def plan(reach: Reach, file: IO[str], field_manager: str | None, output: str) -> None:
    """Say what applying a file would cause: another optimization, new pods, or only a number.

    Exit code: 0 it would be taken, 1 the API server refuses it, 3 nothing can be told.
    """
    wanted = manifests_in(file.read(), reach.namespace)
    answers = asyncio.run(_ask(reach, wanted, field_manager))
    if output == "json":
        click.echo(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        Console().print(render(answers))
    codes = (a.exit_code for a in answers if isinstance(a, Refusal))
    click.get_current_context().exit(max(codes, default=ExitCode.READY))


def manifests_in(text: str, namespace: str) -> tuple[Manifest, ...]:
    """The ModelDeployments of a file of YAML documents; other kinds are passed over.

    Raises:
        Unanswered: It is not YAML, or holds none.
    """
    try:
        documents = [d for d in yaml.safe_load_all(text) if isinstance(d, dict)]
    except yaml.YAMLError as error:
        raise Unanswered(f"The file is not YAML ({' '.join(str(error).split())}).") from error
    listed = (i for d in documents for i in (d["items"] if d.get("kind") == "List" else [d]))
    found = tuple(
        {**each, "metadata": {"namespace": namespace, **each.get("metadata", {})}}
        for each in listed
        if (each.get("apiVersion"), each.get("kind")) == (API_VERSION, KIND)
    )
    if not found:
        raise Unanswered(f"The file holds no {KIND} of {API_VERSION}.")
    return found


async def _ask(
    reach: Reach, wanted: tuple[Manifest, ...], field_manager: str | None
) -> list[Answer]:
    async with opened(reach) as kube:
        deployments = await operators(kube)
        return [await answer(kube, each, deployments, field_manager) for each in wanted]


async def answer(
    kube: UserCluster,
    manifest: Manifest,
    deployments: tuple[Manifest, ...],
    field_manager: str | None = None,
) -> Answer:
    """For one manifest.

    Raises:
        ApiError: The API server is away, or the caller has no right to ask it.
    """
    now = datetime.now(UTC)
    namespace, name = manifest["metadata"]["namespace"], str(manifest["metadata"].get("name", ""))
    before = await see(kube, namespace, name) if name else None
    try:
        after = await dry_run(kube, manifest, before.body if before else None, field_manager)
        return told(before, after, deployments, now)
    except (Refused, InvalidSpec) as error:
        return Refusal(
            namespace=namespace, name=name, message=str(error), exit_code=ExitCode.STALLED
        )
    except Unanswered as error:
        return Refusal(
            namespace=namespace, name=name, message=str(error), exit_code=ExitCode.UNANSWERED
        )


def told(
    before: Seen | None,
    after: Mapping[str, Any],
    deployments: tuple[Manifest, ...],
    now: datetime,
) -> Prospect:
    """What the operators of these Deployments would do with another body.

    Raises:
        InvalidSpec: It breaks a rule that the API server cannot check.
        Unanswered: The operator's present state cannot be reproduced.
    """
    seen = before or seen_in(after, {})
    settings = settings_in_force(seen, deployments)
    if before is not None and not is_reproduced(before, settings, now):
        raise Unanswered(
            "The present state cannot be reproduced from here, so no difference can be told: the "
            "operator has not looked at this spec yet, or runs another release than this program."
        )
    return prospect(before, after, Ground(observed=seen.observed, settings=settings, now=now))


def render(answers: list[Answer]) -> RenderableType:
    """One block for each object."""
    blocks = [part for each in answers for part in (*_block(each), Text(""))]
    return Group(*blocks[:-1])


def _block(found: Answer) -> Iterator[RenderableType]:
    where = f"{found.name} in namespace {found.namespace}"
    if isinstance(found, Refusal):
        yield Text(f"{where}: {found.message}", style="red")
        return
    if not found.is_new and not found.changes:
        yield Text(f"{where}: unchanged")
        return
    yield Text(f"{where}: would be {'created' if found.is_new else 'changed'}", style="bold")
    if found.changes:
        yield _table(found.changes)
    yield _facts(found)


def _table(changes: tuple[Change, ...]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for change in changes:
        values = f"{shown(change.before)} -> {shown(change.after)}"
        style = "yellow" if change.effect in _DEAR else ""
        table.add_row(
            Text(f"  {'.'.join(change.path)}"), Text(values), Text(change.effect, style=style)
        )
    return table


def shown(value: Any) -> str:
    """A field's value in few letters."""
    if value is None:
        return "unset"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."


def _facts(found: Prospect) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    facts = {"optimization": found.optimization, "revision": found.revision, "pods": found.pods}
    for label, words in facts.items():
        table.add_row(f"  {label}", Text(words))
    writes = "\n".join(f"{w.verb} {w.kind} {w.name}" for w in found.next_pass) or "writes nothing"
    table.add_row("  next pass", Text(writes))
    return table
