"""Everything in the cluster as a release leaves it: what the next release has to leave alone.

`python -m tests.golden.release` writes a folder for the present version; a release does that once,
and later ones never write it again. Pods are left out: they follow from their Deployment.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.paths import REPOSITORY
from tests.golden.render import INPUTS, SETTINGS, result_of
from tests.support.world import World
from trifocal.api.manifest import parse
from trifocal.api.schema import KIND
from trifocal.optimizer.contract import OptimizationResult

FOLDER = Path(__file__).parent / "released"
VERSIONS = sorted(
    (path.name for path in FOLDER.iterdir() if path.is_dir()),
    key=lambda name: tuple(map(int, name.split("."))),
)
"""The oldest first."""

Manifest = dict[str, Any]


def settled(body: Manifest) -> World:
    """The cluster when the model serves and nothing is left to do."""

    def optimizer(_digest: str, asked: Manifest) -> OptimizationResult:
        return result_of(parse(asked))

    cluster = World(body=body, optimizer=optimizer, settings=SETTINGS)
    cluster.settle()
    return cluster


def stored(cluster: World) -> Iterator[Manifest]:
    """The ModelDeployment with its status, then its children."""
    yield cluster.body
    for (kind, _), child in sorted(cluster.objects.items()):
        if kind != "Pod":
            yield child


def released(version: str) -> Mapping[str, list[Manifest]]:
    """What a release has stored, by the input's name; the ModelDeployment comes first."""
    paths = sorted((FOLDER / version).glob("*.yaml"))
    return {path.stem: list(yaml.safe_load_all(path.read_text())) for path in paths}


class _Dumper(yaml.SafeDumper):
    """No anchors: what is stored twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def _write(version: str) -> None:
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    for path in INPUTS:
        objects = stored(settled(yaml.safe_load(path.read_text())))
        text = yaml.dump_all(objects, Dumper=_Dumper, explicit_start=True, width=1000)
        (folder / path.name).write_text(text)


if __name__ == "__main__":
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    _write(project["version"])
    assert {doc["kind"] for docs in released(project["version"]).values() for doc in docs} >= {KIND}
