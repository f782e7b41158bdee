"""`trifocal uninstall`: deletes what `helm uninstall` keeps, after a list and a question."""

import asyncio

import click

from trifocal.api.schema import KIND
from trifocal.cli.in_force import OPERATOR_SELECTOR
from trifocal.cli.session import (
    ClusterCommand,
    ExitCode,
    Reach,
    cluster_options,
    opened,
)
from trifocal.cli.uninstall.remains import Remains, first_steps, listing
from trifocal.cli.user_cluster import DEFINITION, UserCluster
from trifocal.reconcile.children import uid_of


@click.command(cls=ClusterCommand)
@cluster_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def uninstall(reach: Reach, yes: bool) -> None:
    """Delete the CustomResourceDefinition and with it every ModelDeployment, in all namespaces.

    The operator has to be gone. Exit code: 0 deleted, 1 nothing was deleted, 3 it cannot be.
    """
    remains = asyncio.run(_look(reach))
    lines = tuple(listing(remains))
    if steps := first_steps(remains):
        click.echo("The operator is still there. First:")
        click.echo("\n".join(f"  {step}" for step in steps))
        click.get_current_context().exit(ExitCode.STALLED)
    if remains.definition is None:
        click.echo("There is nothing to delete.")
        return
    click.echo("This deletes:")
    click.echo("\n".join(f"  {line}" for line in lines))
    if not yes and not click.confirm("Delete all of it?"):
        click.get_current_context().exit(ExitCode.STALLED)
    asyncio.run(_delete(reach, uid_of(remains.definition)))
    click.echo("Deleted.")


async def _look(reach: Reach) -> Remains:
    async with opened(reach) as kube:
        return await look(kube)


async def look(kube: UserCluster) -> Remains:
    """Everything that is left.

    Raises:
        Refused: The caller may not see all of it, and so not know what would be deleted.
    """
    definition = await kube.read(DEFINITION)
    return Remains(
        definition=definition,
        models=await kube.list(KIND) if definition is not None else (),
        operators=await kube.list("Deployment", label_selector=OPERATOR_SELECTOR),
    )


async def _delete(reach: Reach, uid: str) -> None:
    async with opened(reach) as kube:
        await kube.delete_at(DEFINITION, uid=uid)
