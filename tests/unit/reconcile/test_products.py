"""Pods of one model on several GPU products: who runs how many, and what is told about it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import STEP, World, world
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.children import is_ready, product_of, replicas_of
from trifocal.reconcile.events import transitions
from trifocal.reconcile.products import Stock, divided, in_order
from trifocal.settings import Settings

L4, A10G, H100 = "NVIDIA-L4", "NVIDIA-A10G", "NVIDIA-H100-80GB-HBM3"
PATIENCE = 60
"""Seconds, in the worlds of this module."""


def full(placed: int, *, asked: int, settled: int | None = None) -> Stock:
    """A product one of whose pods has waited too long."""
    return Stock(
        product=L4,
        asked=asked,
        waiting=asked - placed,
        placed=placed,
        settled=placed if settled is None else settled,
        has_room=False,
    )


def some(placed: int = 0, **rest: Any) -> Stock:
    """A product none of whose pods has waited too long; all on nodes are settled."""
    return Stock(**{"product": L4, "asked": placed, "placed": placed, "settled": placed, **rest})


@pytest.mark.parametrize(
    ("stocks", "pods", "shares"),
    [
        pytest.param([some()], 3, [3], id="one product runs all"),
        pytest.param([some(), some()], 3, [3, 0], id="the cheapest is asked for all"),
        pytest.param([some(asked=3), some()], 3, [3, 0], id="within the patience: nothing more"),
        pytest.param([full(0, asked=3), some()], 3, [3, 3], id="no room: the next, for all"),
        pytest.param([full(2, asked=3), some()], 3, [3, 1], id="and for what is lacking"),
        pytest.param(
            [full(1, asked=3), full(1, asked=2), some()], 3, [3, 2, 1], id="and the one after it"
        ),
        pytest.param([full(1, asked=3), some(2)], 5, [5, 4], id="growth goes where room may be"),
        pytest.param([some(3, settled=0), some(3)], 3, [3, 3], id="starting pods replace nothing"),
        pytest.param(
            [some(3, settled=1), some(3)],
            3,
            [3, 2],
            id="a settled pod replaces one",
        ),
        pytest.param([some(3), some(3)], 3, [3, 0], id="three replace three"),
        pytest.param(
            [some(3, settled=0), some(asked=3, waiting=2, placed=1, settled=1)],
            3,
            [3, 1],
            id="what only waits is withdrawn as soon as it is not needed",
        ),
        pytest.param(
            [full(2, asked=3), some(1), some(1)],
            3,
            [3, 1, 0],
            id="two products suffice: not a third",
        ),
        pytest.param(
            [some(asked=3, settled=0), some(asked=3, settled=0)],
            3,
            [3, 3],
            id="pods that are not seen are not taken for absent",
        ),
        pytest.param([full(0, asked=5), some(5)], 2, [2, 2], id="scaled in"),
        pytest.param([full(0, asked=3), some(3)], 0, [0, 0], id="to none"),
        pytest.param([some(3), some(2, is_named=False)], 3, [3, 0], id="not named: replaced, gone"),
        pytest.param(
            [full(1, asked=3), some(2, is_named=False)], 3, [3, 2], id="not named: kept until then"
        ),
        pytest.param(
            [full(1, asked=4), some(2, is_named=False)], 4, [4, 2], id="not named: nothing new"
        ),
    ],
)
def test_pods_are_divided(stocks: list[Stock], pods: int, shares: list[int]) -> None:
    assert [share.replicas for share in divided(stocks, pods).shares] == shares


def test_what_no_product_has_room_for_is_lacking() -> None:
    assert divided([full(1, asked=3), full(1, asked=2)], 3).lacking == 1
    assert divided([full(1, asked=3), some(1, asked=2)], 3).lacking == 0


@pytest.mark.parametrize(
    ("prices", "order"),
    [
        ({}, [A10G, L4, H100]),
        ({H100: 5.0, L4: 0.8, A10G: 1.0}, [L4, A10G, H100]),
        ({H100: 5.0}, [H100, A10G, L4]),
        ({A10G: 1.0, L4: 1.0}, [A10G, L4, H100]),
    ],
)
def test_the_cheapest_comes_first_then_as_the_spec_has_them(
    prices: dict[str, float], order: list[str]
) -> None:
    assert list(in_order([L4, H100, A10G], (A10G, L4, H100), prices)) == order


def test_what_the_spec_names_no_more_comes_last_however_cheap() -> None:
    assert list(in_order([L4, A10G], (A10G,), {L4: 0.8, A10G: 1.0})) == [A10G, L4]


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def fleet(replicas: int, products: tuple[str, ...] = (L4, A10G), **there: int) -> World:
    """A world with so many GPUs of each, before the first pass."""
    w = world(
        good,
        products={L4: there.get("l4", 0), A10G: there.get("a10g", 0)},
        settings=Settings(
            accelerator_prices={A10G: 1.0, L4: 0.8}, accelerator_patience_seconds=PATIENCE
        ),
    )
    name(w, *products)
    w.edit(lambda b: changed(b, "spec.replicas", replicas))
    return w


def name(w: World, *products: str) -> None:
    accelerator = {"resource": "nvidia.com/gpu", "count": 1, "products": list(products)}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", accelerator))


def offer(w: World, **there: int) -> None:
    w.products = {
        **(w.products or {}),
        **{{"l4": L4, "a10g": A10G}[k]: n for k, n in there.items()},
    }


def ready(w: World) -> dict[str, int]:
    """Ready pods of the revision with the traffic, by product."""
    pods = w.ready(w.selected())
    return {p: n for p in (L4, A10G) if (n := sum(product_of(pod) == p for pod in pods))}


def asked(w: World, revision: str | None = None) -> dict[str, int]:
    hashed = revision or w.selected()
    return {
        product_of(d) or "": replicas_of(d)
        for d in w.look().deployments
        if d["metadata"]["labels"][names.REVISION_LABEL] == hashed
    }


def states(w: World, passes: int = 100) -> Iterator[World]:
    for _ in range(passes):
        w.reconcile()
        w.tick()
        yield w


def available(w: World) -> tuple[str, str, str]:
    (found,) = (c for c in w.body["status"]["conditions"] if c["type"] == "Available")
    return found["status"], found["reason"], found["message"]


def counted(w: World, pods: int) -> str:
    return f"{pods} of {pods} pods of revision {w.selected()} are ready."


def test_each_product_has_a_deployment_and_one_service_takes_them_all() -> None:
    w = fleet(2, l4=1, a10g=1)
    w.settle()
    made = w.look().deployments
    assert {product_of(d) for d in made} == {L4, A10G}
    selectors = [d["spec"]["selector"]["matchLabels"] for d in made]
    for deployment in made:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert [s.items() <= labels.items() for s in selectors].count(True) == 1, "they overlap"
        service, budget = w.look().services[0], w.look().pod_disruption_budgets[0]
        assert service["spec"]["selector"].items() <= labels.items()
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert ready(w) == {L4: 1, A10G: 1}


def test_the_next_product_is_asked_after_the_patience_and_status_says_why() -> None:
    w = fleet(3, l4=2, a10g=5)
    waited = timedelta(0)
    for _ in states(w):
        if L4 in asked(w, w.body["status"]["revision"].get("wanted") or "none"):
            waited += STEP
            if asked(w, w.body["status"]["revision"]["wanted"])[A10G]:
                break
    assert timedelta(seconds=PATIENCE) <= waited <= timedelta(seconds=PATIENCE + 15)
    w.settle()
    assert (ready(w), asked(w)) == ({L4: 2, A10G: 1}, {L4: 3, A10G: 1})
    assert available(w) == (
        "True",
        "DearerProduct",
        f"{counted(w, 3)} 1 of 3 runs on NVIDIA-A10G, because no node with NVIDIA-L4 has room.",
    )
    told = w.body["status"]
    assert (told["replicas"], told["readyReplicas"], told["summary"]["replicas"]) == (3, 3, "3/3")
    counts = {"replicas", "readyReplicas", "waitingReplicas", "pricePerHour"}
    assert [{key: p[key] for key in counts} for p in told["products"]] == [
        {"replicas": 2, "readyReplicas": 2, "waitingReplicas": 1, "pricePerHour": 0.8},
        {"replicas": 1, "readyReplicas": 1, "waitingReplicas": 0, "pricePerHour": 1.0},
    ]


def test_the_patience_is_waited_for_without_an_event() -> None:
    w = fleet(1, l4=0, a10g=1)
    for _ in states(w, 12):
        pass
    made = w.reconcile()
    waits = [c for p in w.look().pods for c in p["status"].get("conditions", ())]
    (since,) = {c["lastTransitionTime"] for c in waits if c["status"] == "False"}
    assert made.look_again is not None
    assert w.now + made.look_again <= w.now.fromisoformat(since) + timedelta(seconds=PATIENCE)


def test_the_return_is_waited_for_without_an_event() -> None:
    """Two pods are ready, one of them since the last tick: nothing but the time will change."""
    w = fleet(1, l4=0, a10g=1)
    w.settle()
    offer(w, l4=1)
    for _ in states(w, 10):
        if L4 in ready(w):
            break
    (since,) = {
        c["lastTransitionTime"]
        for pod in w.ready(w.selected())
        for c in pod["status"]["conditions"]
        if c["type"] == "Ready" and product_of(pod) == L4
    }
    made = w.reconcile()
    assert made.look_again is not None
    assert w.now + made.look_again == w.now.fromisoformat(since) + timedelta(seconds=30)


def test_while_the_next_product_starts_the_first_is_no_trouble() -> None:
    w = fleet(1, l4=0, a10g=1)
    told = [available(w)[:2] for _ in states(w, 40)]
    told = [each for each, after in zip(told, [*told[1:], None], strict=True) if each != after]
    assert told[-3:] == [
        ("False", "Unschedulable"),
        ("Unknown", "StartingPods"),
        ("True", "DearerProduct"),
    ]


def test_back_on_the_cheaper_product_without_ever_serving_from_less() -> None:
    w = fleet(3, l4=0, a10g=5)
    w.settle()
    assert ready(w) == {A10G: 3}
    offer(w, l4=5)
    for _ in states(w):
        assert sum(ready(w).values()) >= 3
    assert (ready(w), asked(w)) == ({L4: 3}, {L4: 3, A10G: 0})
    assert available(w)[1] == "PodsReady"


def test_what_is_on_its_way_back_is_said() -> None:
    w = fleet(1, l4=0, a10g=1)
    w.settle()
    offer(w, l4=1)
    told = {available(w)[1:] for _ in states(w, 10)}
    why = "until others on NVIDIA-L4 have been ready for a while."
    assert ("DearerProduct", f"{counted(w, 1)} 1 of 2 runs on NVIDIA-A10G, {why}") in told


def test_lost_machines_are_replaced_by_the_next_product() -> None:
    w = fleet(2, l4=2, a10g=2)
    w.settle()
    assert ready(w) == {L4: 2}
    w.lose(L4)
    w.settle()
    assert ready(w) == {A10G: 2}
    assert available(w)[:2] == ("True", "DearerProduct")


def test_a_machine_that_comes_and_goes_gives_nothing_back() -> None:
    w = fleet(1, l4=0, a10g=1)
    w.settle()
    for _ in range(5):
        offer(w, l4=1)
        for _ in states(w, 5):
            assert ready(w).get(A10G) == 1
        w.lose(L4)
        for _ in states(w, 5):
            assert ready(w) == {A10G: 1}


def test_a_pod_that_is_gated_says_nothing_about_room() -> None:
    w = fleet(1, l4=0, a10g=1)
    for _ in states(w, 30):
        for pod in w.look().pods:
            for found in pod["status"].get("conditions", ()):
                if found["type"] == "PodScheduled" and found["status"] == "False":
                    found["reason"] = "SchedulingGated"
    assert asked(w, w.body["status"]["revision"]["wanted"]) == {L4: 1, A10G: 0}


def test_where_no_product_has_room_a_pod_is_in_trouble() -> None:
    w = fleet(1, l4=0, a10g=0)
    for _ in states(w):
        pass
    assert available(w)[:2] == ("False", "Unschedulable")


def test_changes_of_product_are_events() -> None:
    w = fleet(1, l4=1, a10g=1)
    w.settle()
    before = w.body["status"]["conditions"]
    w.lose(L4)
    w.settle()
    (told,) = transitions(before, w.body["status"]["conditions"])
    assert (told.type, told.reason) == ("Normal", "DearerProduct")
    assert "no node with NVIDIA-L4 has room" in told.note


def test_one_more_product_restarts_nothing() -> None:
    w = fleet(2, products=(L4,), l4=2, a10g=2)
    w.settle()
    pods = {pod["metadata"]["uid"] for pod in w.look().pods}
    name(w, L4, A10G)
    w.settle()
    assert pods == {pod["metadata"]["uid"] for pod in w.look().pods}
    assert asked(w) == {L4: 2, A10G: 0}


def test_a_product_that_is_taken_out_serves_until_it_is_replaced() -> None:
    w = fleet(2, l4=0, a10g=2)
    w.settle()
    name(w, L4)
    for _ in states(w, 30):
        assert ready(w) == {A10G: 2}
    offer(w, l4=2)
    for _ in states(w):
        assert sum(ready(w).values()) >= 2
    assert (ready(w), asked(w)) == ({L4: 2}, {L4: 2})


def test_the_cheapest_too_may_be_taken_out() -> None:
    w = fleet(2, l4=2, a10g=2)
    w.settle()
    assert ready(w) == {L4: 2}
    name(w, A10G)
    for _ in states(w):
        assert sum(ready(w).values()) >= 2
    assert (ready(w), asked(w)) == ({A10G: 2}, {A10G: 2})


def test_at_rest_on_two_products_nothing_is_written_or_waited_for() -> None:
    w = fleet(3, l4=2, a10g=5)
    w.settle()
    before = w.writes
    made = w.reconcile()
    assert (made.apply, made.delete, made.look_again) == ((), (), None)
    assert w.writes == before


def next_revision(w: World) -> None:
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))


def test_a_rollout_takes_free_machines_of_any_product() -> None:
    w = fleet(2, l4=2, a10g=2)
    w.settle()
    before = w.selected()
    next_revision(w)
    for _ in states(w):
        if w.selected() == before:
            assert len(w.ready(before)) == 2, "there was room, so no pod had to go"
    assert w.selected() != before
    assert ready(w) == {L4: 2}


def test_a_rollout_of_a_model_on_its_second_choice_where_nothing_is_free() -> None:
    w = fleet(2, l4=0, a10g=2)
    w.settle()
    before = w.selected()
    next_revision(w)
    for _ in states(w, 200):
        assert any(is_ready(pod) for pod in w.look().pods), "one pod at a time"
    assert w.selected() != before
    assert ready(w) == {A10G: 2}


def test_a_rollout_where_products_are_mixed_and_full() -> None:
    w = fleet(3, l4=1, a10g=2)
    w.settle()
    before = w.selected()
    next_revision(w)
    for _ in states(w, 300):
        assert any(is_ready(pod) for pod in w.look().pods)
    assert w.selected() != before
    assert ready(w) == {L4: 1, A10G: 2}


def test_a_pod_makes_room_though_others_of_its_product_wait() -> None:
    """Three are wanted and one runs: giving up one that waits would give no place to anybody."""
    w = fleet(3, l4=1, a10g=0)
    w.settle()
    before = w.selected()
    assert ready(w) == {L4: 1}
    next_revision(w)
    for _ in states(w, 60):
        pass
    assert w.selected() != before
    assert ready(w) == {L4: 1}


def test_a_refused_revision_costs_no_product_anything() -> None:
    w = fleet(1, l4=1, a10g=1)
    w.settle()
    before = w.selected()
    w.behaviour = lambda _spec: "differs"
    next_revision(w)
    w.settle()
    assert w.selected() == before
    refused = w.body["status"]["revision"]["wanted"]
    assert asked(w, refused) == {L4: 0, A10G: 0}
    assert "delete its Deployments to try it again" in available(w)[2]


def test_from_one_product_to_a_list_is_a_rollout() -> None:
    """The selector of a Deployment never changes, so its pods cannot get the label."""
    w = fleet(1, l4=2, a10g=0)
    w.edit(lambda b: changed(b, "spec.serving.accelerator", {"product": L4}))
    w.settle()
    before = w.selected()
    name(w, L4, A10G)
    w.settle()
    assert w.selected() != before
    assert ready(w) == {L4: 1}
    assert set(asked(w)) == {L4, A10G}
