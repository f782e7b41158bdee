"""A world as the command line sees it, with an optimizer whose artifact follows the spec."""

from tests.support import results
from tests.support.manifests import Manifest
from tests.support.world import World, world
from trifocal.cli.seen import Seen
from trifocal.optimizer.contract import OptimizationResult


def by_precisions(_digest: str, body: Manifest) -> OptimizationResult:
    """The artifact follows the precisions."""
    narrowed = body["spec"]["optimization"].get("precisions") == ["fp16"]
    return results.artifact("c" if narrowed else "f")


def seen(w: World) -> Seen:
    """The object with its children."""
    return Seen(body=w.body, md=w.md, observed=w.look())


def served() -> World:
    """One revision has the traffic, and nothing is left to do."""
    w = world(by_precisions)
    w.settle()
    return w
