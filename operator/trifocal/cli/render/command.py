"""`trifocal render -f FILE`: the children of a manifest as YAML. Needs no cluster."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import yaml

from trifocal.cli.manifest_file import ManifestFileError, read_manifest_file
from trifocal.cli.render.rendering import Rendered, rendered
from trifocal.cli.session import ClusterCommand, Unanswered
from trifocal.reconcile.obstacles import unconfigured
from trifocal.settings import Settings

AT_ONCE = "made at once"
LATER = (
    "made when the optimization is done: its hash, the artifact's digest and the output in "
    "config.pbtxt are placeholders"
)


@click.command(cls=ClusterCommand)
@click.option(
    "-f",
    "--filename",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File with one ModelDeployment.",
)
def render(file: Path) -> None:
    """Print what the operator would make of a manifest: for review, and for policies in CI.

    The operator's settings are taken from the environment, as in its Deployment: TRIFOCAL_...
    """
    settings = Settings()
    try:
        md = read_manifest_file(file)
    except ManifestFileError as error:
        raise Unanswered(str(error)) from error
    if (obstacle := unconfigured(md, settings)) is not None:
        raise Unanswered(f"{obstacle.message} Here, set the variable of that image.")
    click.echo("".join(documents(rendered(md, settings, datetime.now(UTC)))), nl=False)


def documents(found: Rendered) -> Iterator[str]:
    """YAML documents, each under a comment that says when it is made."""
    for when, manifests in ((AT_ONCE, found.at_once), (LATER, found.when_optimized)):
        for manifest in manifests:
            body = yaml.safe_dump(_plain(manifest), sort_keys=False, allow_unicode=True)
            yield f"---\n# {when}\n{body}"


def _plain(value: object) -> object:
    """Lists for tuples, which YAML does not know."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
