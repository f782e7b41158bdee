"""`trifocal rollout history` as three tables. Pure."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trifocal.cli.digests import short
from trifocal.cli.durations import said
from trifocal.cli.rollout.history import History


def render(found: History, now: datetime) -> RenderableType:
    """Three tables."""
    revisions = _table("revision", "age", "pods", "artifact", "what it is")
    for revision in found.revisions:
        revisions.add_row(
            revision.name,
            said(now - revision.created),
            f"{revision.ready}/{revision.replicas}",
            short(revision.artifact),
            Text(": ".join(words for words in (str(revision.role), revision.refusal) if words)),
        )
    specs = _table("spec of", "")
    for spec in found.specs:
        marks = {"has the traffic": spec.has_traffic, "`undo` goes back to it": spec.is_previous}
        told = ", ".join(words for words, holds in marks.items() if holds)
        specs.add_row(spec.revision, told or f"`undo --to-revision {spec.revision}`")
    results = _table("result of", "age", "chosen", "artifact", "")
    for result in found.results:
        results.add_row(
            short(result.request),
            said(now - result.recorded),
            result.chosen,
            short(result.artifact),
            "of the present spec" if result.in_force else "",
        )
    return Group(revisions, Text(""), specs, Text(""), results)


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1], overflow="fold")
    return table
