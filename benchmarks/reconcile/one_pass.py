"""CPU time of the pure parts of a pass that finds nothing to do, over an object that serves.

A restart makes one such pass over every object, and so does each event that changes nothing. No
API server is needed: tests/support/world.py plays the cluster.

    uv run --frozen --extra extended python -m benchmarks.reconcile.one_pass
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from benchmarks.reconcile import objects, stages
from tests.support.world import UID, World
from trifocal.reconcile.policy import BoundPolicy

PASSES = 200


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Milliseconds of CPU time, in the mean."""

    parse: float
    plan: float
    status: float

    @property
    def total(self) -> float:
        """All that a pass computes; finding the children in the cache comes to a tenth of it."""
        return self.parse + self.plan + self.status


def serving() -> World:
    """A world at rest: the object of the benchmark serves."""
    body = objects.model_deployment("team-0", "model")
    body["metadata"] |= {
        "uid": UID,
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    world = World(body, lambda _digest, _body: stages.result())
    world.settle()
    return world


def measure(world: World, passes: int = PASSES) -> Parts:
    """The time of each part, each over so many passes."""
    policy = BoundPolicy(world.settings)
    observed, now = world.look(), world.now
    md = policy.parse(world.body)
    plan = policy.plan(md, observed, now)
    return Parts(
        parse=_milliseconds(lambda: policy.parse(world.body), passes),
        plan=_milliseconds(lambda: policy.plan(md, observed, now), passes),
        status=_milliseconds(lambda: policy.status(md, observed, plan, now), passes),
    )


def _milliseconds(call: Callable[[], object], passes: int) -> float:
    call()
    began = time.process_time()
    for _ in range(passes):
        call()
    return 1000 * (time.process_time() - began) / passes


def main() -> None:
    """Measure and print."""
    found = measure(serving())
    Console(highlight=False).print(
        f"{found.total:.1f} ms of CPU time: parse {found.parse:.1f}, plan {found.plan:.1f}, "
        f"status {found.status:.1f}"
    )


if __name__ == "__main__":
    main()
