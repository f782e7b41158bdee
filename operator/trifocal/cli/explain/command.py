"""`trifocal explain NAME`: why it is not Ready, on one screen. Thin I/O and the text."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from trifocal.cli.durations import said
from trifocal.cli.explain.explanation import Explanation, State, explain
from trifocal.cli.explain.reports import Report
from trifocal.cli.seen import must_see
from trifocal.cli.session import ClusterCommand, Reach, cluster_options, opened
from trifocal.cli.status_tree import Progress

MAX_EVENT = 160
"""Characters of an event that are shown: two lines. The whole is in `-o json`."""
_STYLES = {
    State.DONE: "green",
    State.IN_TROUBLE: "red",
    State.STALLED: "red",
    State.UNDER_WAY: "yellow",
}


@click.command(name="explain", cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def explain_command(name: str, reach: Reach, output: str) -> None:
    """Say why a ModelDeployment is not Ready, when the next try is, and what to do.

    Exit code: 0 ready, 1 stalled, 2 under way, 3 it could not be read.
    """
    now = datetime.now(UTC)
    found = asyncio.run(_read(reach, name, now))
    if output == "json":
        click.echo(as_json(found))
    else:
        Console().print(render(found, now))
    click.get_current_context().exit(found.progress)


async def _read(reach: Reach, name: str, now: datetime) -> Explanation:
    async with opened(reach) as kube:
        return explain(await must_see(kube, reach.namespace, name, events=True), now)


def as_json(found: Explanation) -> str:
    """The whole explanation, for programs; times in RFC 3339."""
    whole = {**asdict(found), "progress": found.progress.name.lower()}
    return json.dumps(whole, indent=2, default=lambda when: when.isoformat())


def render(found: Explanation, now: datetime) -> RenderableType:
    """Verdict, steps, events, next try, advice."""
    return Group(*_parts(found, now))


def _parts(found: Explanation, now: datetime) -> Iterator[RenderableType]:
    yield Text.from_markup(_verdict(found, now))
    yield _steps(found)
    if found.reports:
        yield Text("\nlast events")
        yield _reports(found.reports, now)
    if found.next_try is not None:
        yield Text("")
        yield _labelled("next try", found.next_try.says)
    if found.to_do is not None:
        yield _labelled("what to do", found.to_do)
    if found.look is not None:
        yield _labelled("see also", found.look)


def _verdict(found: Explanation, now: datetime) -> str:
    where = f"[bold]{found.name}[/] in namespace {found.namespace}"
    since = f" for {said(now - found.since)}" if found.since else ""
    match found.progress:
        case Progress.READY:
            return f"{where} is [green]Ready[/]{since}"
        case Progress.STALLED:
            return f"{where} is [red]stalled[/] ({found.reason}){since}"
        case _:
            return f"{where} is [yellow]not Ready yet[/] ({found.reason}){since}"


def _steps(found: Explanation) -> Table:
    table = _grid(4)
    for step in found.steps:
        style = _STYLES.get(step.state, "")
        state = f"[{style}]{step.state}[/]" if style else str(step.state)
        told = ": ".join(escape(words) for words in (step.reason, step.message) if words)
        table.add_row(">" if step.name == found.cause else " ", step.name, state, told)
    return table


def _reports(reports: tuple[Report, ...], now: datetime) -> Table:
    table = _grid(3)
    for report in reports:
        message = report.message
        shown = message if len(message) <= MAX_EVENT else f"{message[: MAX_EVENT - 3]}..."
        times = f" (x{report.count})" if report.count > 1 else ""
        what = f"{report.subject}, {report.reason}{times}: {shown}"
        colour = "red" if report.type == "Warning" else ""
        table.add_row("", f"{said(now - report.at)} ago", Text(what, style=colour))
    return table


def _labelled(label: str, words: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=10, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(label, Text(words))
    return table


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns - 1):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
