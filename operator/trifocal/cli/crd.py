"""`trifocal crd`: the CustomResourceDefinition as generated from the models."""

import click

from trifocal.api.crd import crd_yaml


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition, ready for `kubectl apply --server-side -f -`."""
    click.echo(crd_yaml(), nl=False)
