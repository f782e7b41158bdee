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
@click.option("--digest", required=True, help="The artifact: sha256:<hex>.")
@click.option("--name", required=True, help="The model's name in Triton.")
@click.option(
    "--config-dir", type=_FOLDER, required=True, help="Folder with config.pbtxt, maybe model.py."
)
@click.option("--models", type=_FOLDER, required=True, help="Triton's model repository.")
@click.option(
    "--termination-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the sentence that says why it failed.",
)
def fetch(  # noqa: PLR0913 - each is an option of its own
    *,
    store: str,
    endpoint: str | None,
    credentials_dir: Path | None,
    digest: str,
    name: str,
    config_dir: Path,
    models: Path,
    termination_log: Path | None,
) -> None:
    """Fetch an artifact, verify every byte, and lay it out as Triton's model repository."""
    try:
        place = Place(uri=store, endpoint=endpoint, credentials_dir=credentials_dir)
        version = lay_out(name, config_dir, models)
        manifest = fetch_artifact(open_store(place), digest, version)
    except WorkError as error:
        click.echo(f"{error.reason}: {error}", err=True)
        if termination_log is not None:
            termination_log.write_text(f"{error.reason}: {error}", encoding="utf-8")
        passing = isinstance(error, InterruptedWorkError)
        sys.exit(EXIT_TRANSIENT if passing else EXIT_REFUSED)
    total = sum(entry.size for entry in manifest.files)
    click.echo(f"Fetched {digest}: {len(manifest.files)} files, {total} bytes, all verified.")
