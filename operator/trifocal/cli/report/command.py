"""`trifocal report NAME`: a redacted support bundle. Thin I/O."""

import asyncio
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from trifocal.cli.explain.command import render
from trifocal.cli.explain.explanation import Explanation, explain
from trifocal.cli.in_force import operators
from trifocal.cli.report.bundle import archive, files, logs_of
from trifocal.cli.seen import must_see
from trifocal.cli.session import ClusterCommand, Reach, Unanswered, cluster_options, opened

LOG_LINES = 500
"""Of each container: what led to an end, and little enough to be read before it is sent."""
_WIDTH = 100


@click.command(cls=ClusterCommand)
@click.argument("name")
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; unset means trifocal-NAME-TIME.tar.gz here.",
)
def report(name: str, reach: Reach, output: Path | None) -> None:
    """Write spec, status, children, events and logs to a file, without what may be secret."""
    now = datetime.now(UTC)
    contents = asyncio.run(read_files(reach, name, now))
    folder = f"trifocal-{name}-{now:%Y%m%dT%H%M%SZ}"
    target = output or Path(f"{folder}.tar.gz")
    try:
        _write(target, archive(contents, folder, now))
    except OSError as error:
        raise Unanswered(f"{target} cannot be written ({error.strerror}).") from error
    click.echo(f"{target}: {len(contents)} files. Read its README.txt before you send it.")


def _write(target: Path, packed: bytes) -> None:
    """A new file, which only its owner may read."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(packed)


async def read_files(reach: Reach, name: str, now: datetime) -> dict[str, str]:
    """The bundle's files, redacted."""
    async with opened(reach) as kube:
        seen = await must_see(kube, reach.namespace, name, events=True)
        wanted = tuple(logs_of(seen.observed))
        texts = await asyncio.gather(
            *(
                kube.log(each.pod, each.container, previous=each.previous, lines=LOG_LINES)
                for each in wanted
            )
        )
        return files(
            seen,
            explanation=_explained(explain(seen, now), now),
            logs={each.file: text for each, text in zip(wanted, texts, strict=True)},
            operators=await operators(kube),
            now=now,
        )


def _explained(found: Explanation, now: datetime) -> str:
    written = io.StringIO()
    Console(width=_WIDTH, file=written, color_system=None).print(render(found, now))
    return written.getvalue()
