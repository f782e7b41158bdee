"""Machines come and go, specs change, the operator dies: pods end on the cheapest product.

And on the way: no pass of the operator's takes a ready pod away while fewer serve than are wanted,
but for a rollout, which may make room.
"""

from collections.abc import Callable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.children import product_of, replicas_of, revision_of
from trifocal.settings import Settings

PRICES = {"cheap": 1.0, "middle": 2.0, "dear": 3.0}
PRODUCTS = tuple(PRICES)
MOST = 3
"""Replicas."""

Action = Callable[[World], object]


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def name(products: list[str]) -> Action:
    accelerator = {"resource": "nvidia.com/gpu", "count": 1, "products": products}
    return lambda w: w.edit(lambda b: changed(b, "spec.serving.accelerator", accelerator))


def scale(replicas: int) -> Action:
    return lambda w: w.edit(lambda b: changed(b, "spec.replicas", replicas))


def next_revision(instances: int) -> Action:
    return lambda w: w.edit(lambda b: changed(b, "spec.serving.instances", instances))


def offer(product: str, machines: int) -> Action:
    """More machines; fewer are lost ones."""

    def more(w: World) -> None:
        there = dict(w.products or {})
        w.products = {**there, product: max(machines, there.get(product, 0))}

    return more


def lose(product: str) -> Action:
    return lambda w: w.lose(product)


def time_passes(times: int) -> Action:
    def pass_and_tick(w: World) -> None:
        for _ in range(times):
            spare = len(w.ready(w.selected())) - int(w.body["spec"]["replicas"])
            is_rolling = len(set(map(revision_of, w.look().deployments))) > 1
            before = asked_of_ready(w)
            w.reconcile()
            taken = sum(max(n - asked_of_ready(w).get(p, 0), 0) for p, n in before.items())
            assert is_rolling or taken <= max(spare, 0)
            w.tick()

    return pass_and_tick


def asked_of_ready(w: World) -> Mapping[str, int]:
    """Ready pods with the traffic that their Deployments go on asking for, by product."""
    ready = [product_of(pod) or "" for pod in w.ready(w.selected())]
    return {
        product: min(ready.count(product), replicas_of(d))
        for d in w.look().deployments
        if revision_of(d) == w.selected() and (product := product_of(d)) is not None
    }


ACTIONS = st.one_of(
    st.builds(name, st.lists(st.sampled_from(PRODUCTS), min_size=1, unique=True)),
    st.builds(scale, st.integers(0, MOST)),
    st.builds(next_revision, st.integers(1, 3)),
    st.builds(offer, st.sampled_from(PRODUCTS), st.integers(1, 4)),
    st.builds(lose, st.sampled_from(PRODUCTS)),
    st.builds(time_passes, st.integers(1, 20)),
    st.builds(time_passes, st.integers(1, 20)),
    st.builds(lambda write: lambda w: w.reconcile(crash_before_write=write), st.integers(0, 8)),
    st.builds(lambda number: lambda w: w.kill_pod(number), st.integers(0, 9)),
)


@settings(max_examples=600, deadline=None)
@given(script=st.lists(ACTIONS, min_size=4, max_size=16))
def test_every_life_ends_on_the_cheapest_machines_that_there_are(script: list[Action]) -> None:
    w = world(
        good,
        products={"middle": 1},
        settings=Settings(accelerator_prices=PRICES, accelerator_patience_seconds=60),
    )
    name(["dear", "cheap"])(w)
    scale(1)(w)
    w.reconcile()
    for action in script:
        action(w)
    named = w.body["spec"]["serving"]["accelerator"]["products"]
    dearest = max(named, key=PRICES.__getitem__)
    offer(dearest, 2 * MOST)(w)
    last = w.settle(400)
    assert (last.apply, last.delete, last.smoke) == ((), (), None)
    left, expected = int(w.body["spec"].get("replicas", 1)), {}
    for product in sorted(named, key=PRICES.__getitem__):
        expected[product] = min(left, (w.products or {}).get(product, 0))
        left -= expected[product]
    pods = [product_of(pod) for pod in w.ready(w.selected())]
    assert {p: pods.count(p) for p in named} == expected
    assert len(pods) == sum(expected.values())
    assert {product_of(d) for d in w.look().deployments} == set(named)
    if expected and sum(expected.values()):
        assert w.selected() == w.body["status"]["revision"]["wanted"]
        ready = next(c for c in w.body["status"]["conditions"] if c["type"] == "Ready")
        assert ready["status"] == "True"
    reported, before = w.body["status"], w.writes
    w.reconcile()
    assert (w.body["status"], w.writes) == (reported, before)
