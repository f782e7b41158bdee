"""What one model's watched objects take in memory: as dictionaries, and as the cache keeps them.

No API server is needed: tests/support/world.py plays the cluster, without the defaults that an API
server fills in (a real pod or Deployment is larger).

    uv run --frozen --extra extended python -m benchmarks.reconcile.memory
"""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from benchmarks.reconcile.one_pass import serving
from trifocal.api.schema import KIND
from trifocal.kube.client import Manifest
from trifocal.kube.kept import kept
from trifocal.kube.packed import packed

MODELS = 100
"""Copies that are made: what is the same in each, such as the names of kinds, counts little."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of one model's objects."""

    objects: int
    json_kib: float
    dictionaries_kib: float
    packed_kib: float


def texts() -> tuple[tuple[str, str], ...]:
    """Kind and JSON of each object of a model that serves."""
    world = serving()
    observed = world.look()
    pods = [("Pod", pod) for pod in observed.pods]
    sets = [("ReplicaSet", each) for each in observed.replica_sets]
    found = [(KIND, world.body), *observed.applied(), *pods, *sets]
    return tuple((kind, json.dumps(_versioned(obj))) for kind, obj in found)


def _versioned(obj: Manifest) -> Manifest:
    """The world counts no versions."""
    return {**obj, "metadata": {"resourceVersion": "1234567", **obj["metadata"]}}


def measure(models: int = MODELS) -> Sizes:
    """The sizes, in the mean of so many models."""
    known = texts()

    def dictionaries() -> list[Any]:
        return [kept(kind, json.loads(text)) for _ in range(models) for kind, text in known]

    def entries() -> list[Any]:
        return [packed(kept(kind, json.loads(text))) for _ in range(models) for kind, text in known]

    return Sizes(
        objects=len(known),
        json_kib=sum(len(text) for _, text in known) / 1024,
        dictionaries_kib=_held(dictionaries) / models / 1024,
        packed_kib=_held(entries) / models / 1024,
    )


def _held(make: Callable[[], list[Any]]) -> int:
    tracemalloc.start()
    made = make()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del made
    return size


def main() -> None:
    """Measure and print."""
    found = measure()
    Console(highlight=False).print(
        f"{found.objects} objects of one model: {found.json_kib:.0f} KiB of JSON, "
        f"{found.dictionaries_kib:.0f} KiB as dictionaries, {found.packed_kib:.0f} KiB as kept"
    )


if __name__ == "__main__":
    main()
