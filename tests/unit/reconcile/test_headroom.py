"""Places kept free: how many, for which pods, and that nothing takes them for serving pods."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.observed import NAME_TAKEN, Refusal
from trifocal.reconcile.plan import plan
from trifocal.reconcile.status import status

NAME = ("Deployment", "digits-headroom")
OFFICE = {
    "name": "office",
    "start": "0 7 * * 1-5",
    "end": "0 19 * * 1-5",
    "timeZone": "Europe/Berlin",
    "replicas": 3,
}
FRIDAY_EARLY = datetime(2026, 11, 27, 5, 59, 30, tzinfo=UTC)  # 6:59:30 in Berlin
FRIDAY_SEVEN = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def never(_digest: str, _body: Manifest) -> None:
    return None


def edit(w: World, path: str, value: Any) -> None:
    w.edit(lambda body: changed(body, path, value))


def settled(headroom: Any, gpus: int | None = None, **spec: Any) -> World:
    w = world(good, gpus=gpus)
    edit(w, "spec.serving.accelerator", {"resource": "nvidia.com/gpu", "count": 1})
    edit(w, "spec.serving.headroom", headroom)
    for field, value in spec.items():
        edit(w, f"spec.{field}", value)
    w.settle()
    return w


def places(w: World) -> int | None:
    """Placeholders that are asked for; None where there is no Deployment of them."""
    found = w.objects.get(NAME)
    return None if found is None else int(found["spec"]["replicas"])


def reported(w: World, **refused: Any) -> Any:
    seen = w.look()
    if refused:
        seen = type(seen)(**{**vars(seen), **refused})
    return status(w.md, seen, plan(w.md, seen, w.settings, w.now), w.settings, w.now)


def ready(told: Any) -> tuple[str, str]:
    (found,) = (c for c in told["conditions"] if c["type"] == "Ready")
    return found["status"], found["reason"]


def scaling(most: int) -> dict[str, Any]:
    return {
        "minReplicas": 1,
        "maxReplicas": most,
        "objective": {"latency": {"maxMilliseconds": 50}},
    }


def decided(replicas: int, w: World) -> ScaleDecision:
    return ScaleDecision(replicas=replicas, reason="Steady", message="So be it.", decided_at=w.now)


@pytest.mark.parametrize("headroom", [{}, {"replicas": 0}, {"schedules": []}])
def test_none_is_none(headroom: Any) -> None:
    w = settled(headroom)
    assert places(w) is None
    assert "headroom" not in w.body["status"]


def test_placeholders_are_no_replicas() -> None:
    w = settled({"replicas": 2})
    assert places(w) == 2
    told = w.body["status"]
    assert told["headroom"] == {"replicas": 2, "readyReplicas": 2}
    assert (told["replicas"], told["readyReplicas"], told["summary"]["replicas"]) == (1, 1, "1/1")
    assert ready(told) == ("True", "Ready")
    assert "headroom" not in told["selector"]


def test_they_wait_for_something_to_make_room_for() -> None:
    """An optimization may take hours, and nothing could take the place meanwhile."""
    w = world(never)
    edit(w, "spec.serving.headroom", {"replicas": 1})
    for _ in range(5):
        w.reconcile()
        w.tick()
    assert places(w) is None


def test_a_new_replica_takes_the_place_of_a_placeholder() -> None:
    """Two GPUs: one serves, one is kept free; the second replica starts, the placeholder waits."""
    w = settled({"replicas": 1}, gpus=2)
    edit(w, "spec.replicas", 2)
    w.settle()
    told = w.body["status"]
    assert told["readyReplicas"] == 2
    assert told["headroom"] == {"replicas": 1, "readyReplicas": 0}
    assert ready(told) == ("True", "Ready")


def test_a_rollout_without_a_free_gpu_takes_the_place_and_gives_up_no_pod() -> None:
    w = settled({"replicas": 1}, gpus=2)
    before = w.selected()
    edit(w, "spec.serving.instances", 2)
    while w.selected() == before:
        assert len(w.ready(before)) == 1
        w.reconcile()
        w.tick()
    w.settle()
    assert w.body["status"]["headroom"] == {"replicas": 1, "readyReplicas": 1}


def test_how_many_are_kept_is_no_word_on_how_many_serve() -> None:
    """After a restart, before the first decision, replicas stay what the Deployment has."""
    w = settled({"replicas": 5}, scaling=scaling(20))
    w.body = {**w.body, "status": {}}
    assert reported(w)["summary"]["replicas"] == "1/1"


@pytest.mark.parametrize(("replicas", "kept"), [(1, 2), (3, 1), (4, 0)])
def test_no_more_places_than_pods_that_may_still_come(replicas: int, kept: int) -> None:
    w = settled({"replicas": 2}, scaling=scaling(4))
    w.decision = decided(replicas, w)
    w.settle()
    assert places(w) == kept


def test_a_model_without_pods_keeps_the_place_of_its_first() -> None:
    w = settled({"replicas": 1}, replicas=0)
    assert places(w) == 1


@pytest.mark.parametrize(
    ("now", "kept", "again"),
    [
        (FRIDAY_EARLY, 1, timedelta(seconds=30)),
        (FRIDAY_SEVEN, 3, timedelta(hours=12)),
        # Saturday, noon in Berlin: until Monday, seven.
        (datetime(2026, 11, 28, 11, tzinfo=UTC), 1, timedelta(hours=43)),
    ],
)
def test_a_schedule_raises_it_in_its_own_time_zone_and_the_next_change_is_waited_for(
    now: datetime, kept: int, again: timedelta
) -> None:
    w = settled({"replicas": 1, "schedules": [OFFICE]})
    w.now = now
    assert w.reconcile().look_again == again
    assert places(w) == kept


def test_the_largest_of_several_schedules_counts() -> None:
    more = {**OFFICE, "name": "noon", "start": "0 11 * * *", "end": "0 14 * * *", "replicas": 5}
    w = settled({"schedules": [OFFICE, more]})
    w.now = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
    w.reconcile()
    assert places(w) == 5
    w.now = datetime(2026, 11, 28, 18, tzinfo=UTC)
    w.reconcile()
    assert places(w) == 0


def test_at_rest_nothing_is_written_or_waited_for() -> None:
    w = settled({"replicas": 2})
    before = w.writes
    made = w.reconcile()
    assert (made.apply, made.delete, made.look_again) == ((), (), None)
    assert w.writes == before


def test_drift_is_repaired() -> None:
    w = settled({"replicas": 1})
    w.objects[NAME]["spec"]["replicas"] = 7
    assert [m["metadata"]["name"] for m in w.reconcile().apply] == ["digits-headroom"]
    assert places(w) == 1


def test_what_is_not_wanted_any_more_is_deleted() -> None:
    w = settled({"replicas": 1})
    edit(w, "spec.serving.headroom", {"replicas": 0})
    w.settle()
    assert places(w) is None
    assert not [name for kind, name in w.objects if kind == "Pod" and "headroom" in name]
    assert "headroom" not in w.body["status"]


def test_a_suspended_model_keeps_what_it_has() -> None:
    w = settled({"replicas": 1})
    edit(w, "spec.suspend", value=True)
    edit(w, "spec.serving.headroom", {"replicas": 3})
    w.settle()
    assert places(w) == 1
    assert w.body["status"]["headroom"] == {"replicas": 1, "readyReplicas": 1}


def product(w: World) -> Any:
    return w.objects[NAME]["spec"]["template"]["spec"].get("nodeSelector")


def test_it_is_shaped_after_the_pods_that_start_next() -> None:
    """The serving ones' while another optimization runs, then the new ones'."""
    w = settled({"replicas": 1})
    w.optimizer = never
    edit(w, "spec.model.source.digest", "sha256:" + 64 * "9")
    edit(w, "spec.serving.accelerator.product", "NVIDIA-L4")
    made = w.reconcile()
    assert "digits-headroom" not in {m["metadata"]["name"] for m in made.apply}
    assert product(w) is None
    w.optimizer = good
    w.settle()
    assert product(w) == {"nvidia.com/gpu.product": "NVIDIA-L4"}


def test_pods_that_were_refused_are_no_pattern() -> None:
    w = settled({"replicas": 1})
    w.behaviour = lambda _spec: "differs"
    edit(w, "spec.serving.accelerator.product", "NVIDIA-L4")
    w.settle()
    assert ready(w.body["status"])[1] == "AnswersDiffer"
    assert product(w) is None


MISSING = (
    'pods "digits-headroom-" is forbidden: no PriorityClass with name trifocal-headroom was found'
)
"""As the API server's admission plugin Priority says it, in the Deployment's condition."""


def test_a_missing_priority_class_is_told_and_the_model_is_ready_all_the_same() -> None:
    w = settled({"replicas": 1})
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
    w.objects[NAME]["status"] = {"conditions": [{**failure, "message": MISSING}]}
    told = reported(w)
    assert told["headroom"]["readyReplicas"] == 0
    assert "no PriorityClass with name trifocal-headroom was found" in told["headroom"]["message"]
    assert ready(told) == ("True", "Ready")


def test_a_deployment_that_may_not_be_made_is_told_and_the_model_is_ready_all_the_same() -> None:
    w = settled({"replicas": 1})
    words = "Deployment digits-headroom exists in this namespace and is not this ModelDeployment's."
    refusal = Refusal(kind=NAME[0], name=NAME[1], reason=NAME_TAKEN, message=words)
    told = reported(w, refusals=(refusal,), headroom=())
    assert told["headroom"] == {"replicas": 0, "readyReplicas": 0, "message": words}
    assert ready(told) == ("True", "Ready")
