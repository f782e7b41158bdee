"""The object whose passes are timed is one that has nothing to do."""

from benchmarks.reconcile.one_pass import measure, serving

from trifocal.reconcile.plan import Plan
from trifocal.reconcile.policy import BoundPolicy


def test_the_timed_pass_finds_nothing_to_do() -> None:
    world = serving()
    policy = BoundPolicy(world.settings)
    md, observed = policy.parse(world.body), world.look()
    made = policy.plan(md, observed, world.now)
    assert made == Plan(wanted_revision=made.wanted_revision)
    assert policy.status(md, observed, made, world.now) == world.body["status"]


def test_every_part_is_timed() -> None:
    found = measure(serving(), passes=1)
    assert found.total == found.parse + found.plan + found.status
