"""`trifocal freeze NAME`: the manifest with today's choices pinned, for review in git. Thin I/O."""

import asyncio
from datetime import UTC, datetime

import click

from trifocal import __version__
from trifocal.cli.freeze.freezing import as_yaml, freeze
from trifocal.cli.in_force import is_reproduced, operators, settings_in_force
from trifocal.cli.seen import Seen, must_see
from trifocal.cli.session import (
    ClusterCommand,
    Reach,
    Unanswered,
    cluster_options,
    opened,
)
from trifocal.kube.client import Manifest


@click.command(name="freeze", cls=ClusterCommand)
@click.argument("name")
@cluster_options
def freeze_command(name: str, reach: Reach) -> None:
    """Print the manifest with the choices that Trifocal made, as YAML with comments.

    Applying it changes nothing; later releases and settings of the operator change it no more.
    """
    now = datetime.now(UTC)
    seen, deployments = asyncio.run(_read(reach, name))
    settings = settings_in_force(seen, deployments)
    if not is_reproduced(seen, settings, now):
        raise Unanswered(
            f"What {name} asks for cannot be told from here: the operator has not looked at its "
            f"spec yet, or runs another release than this program ({__version__})."
        )
    click.echo(as_yaml(freeze(seen, settings, now), now), nl=False)


async def _read(reach: Reach, name: str) -> tuple[Seen, tuple[Manifest, ...]]:
    async with opened(reach) as kube:
        return await must_see(kube, reach.namespace, name), await operators(kube)
