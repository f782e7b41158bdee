"""When a running optimization is looked at again."""

from datetime import timedelta

import pytest

from tests.support.manifests import Manifest
from tests.support.world import world
from trifocal.reconcile.plan import plan


def never(_digest: str, _body: Manifest) -> None:
    return None


@pytest.mark.parametrize(
    ("taken", "again"),
    [(10, 3), (60, 3), (120, 6), (400, 20), (600, 30), (36_000, 30)],
)
def test_progress_is_asked_for_after_a_twentieth_of_the_time_taken(taken: int, again: int) -> None:
    """From 3 s on, and within 30 s, in which trouble must be told."""
    w = world(never)
    while not any(pod["status"].get("phase") == "Running" for pod in w.look().pods):
        w.reconcile()
        w.tick()
    (pod,) = w.look().pods
    pod["metadata"]["creationTimestamp"] = (w.now - timedelta(seconds=taken)).isoformat()
    made = plan(w.md, w.look(), w.settings, w.now)
    assert made.look_again == timedelta(seconds=again)
