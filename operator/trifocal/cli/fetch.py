"""`trifocal fetch`: what a serving pod's init container runs."""

import sys
from pathlib import Path

import click

from trifocal.artifacts.failure import InterruptedWorkError, WorkError
from trifocal.artifacts.fetch import fetch_artifact, lay_out
from trifocal.artifacts.place import Place
from trifocal.artifacts.store import open_store
from trifocal.optimizer.contract import EXIT_REFUSED, EXIT_TRANSIENT

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--store", required=True, help="file:// or s3:// URI of the artifact store.")
@click.option("--endpoint", help="URL of an S3-compatible server.")
@click.option(
    "--credentials-dir", type=_FOLDER, help="Folder with one file per key of the store's Secret."
)
@click.option("--artifact", required=True, help="The artifact's digest: sha256:<hex>.")
@click.option("--name", required=True, help="The model's name in Triton.")
@click.option(
    "--config", type=_FOLDER, required=True, help="Folder with config.pbtxt, maybe model.py."
)
@click.option("--models", type=_FOLDER, required=True, help="Triton's model repository.")
def fetch(  # noqa: PLR0913 - each is an option of its own
    *,
    store: str,
    endpoint: str | None,
    credentials_dir: Path | None,
    artifact: str,
    name: str,
    config: Path,
    models: Path,
) -> None:
    """Fetch an artifact, verify every byte, and lay it out as Triton's model repository.

    On failure the last line of output is the reason and one sentence.
    """
    try:
        place = Place(uri=store, endpoint=endpoint, credentials_dir=credentials_dir)
        version = lay_out(name, config, models)
        manifest = fetch_artifact(open_store(place), artifact, version)
    except WorkError as error:
        click.echo(f"{error.reason}: {error}", err=True)
        passing = isinstance(error, InterruptedWorkError)
        sys.exit(EXIT_TRANSIENT if passing else EXIT_REFUSED)
    total = sum(entry.size for entry in manifest.files)
    click.echo(f"Fetched {artifact}: {len(manifest.files)} files, {total} bytes, all verified.")
