"""What the scaling loop looks at, and whom its decisions wake."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.manifests import minimal
from trifocal.api import manifest as manifests
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.scaler import ScaleTarget
from trifocal.autoscaling.scraper import PodAddress
from trifocal.kube.cache import Cache
from trifocal.kube.client import Manifest
from trifocal.reconcile.scaling_targets import Decisions, ScalingTargets, cold_start_seconds
from trifocal.settings import Settings

REVISION = "trifocal.dev/revision"
KEY = ("default", "digits")
DECISION = ScaleDecision(
    replicas=2, reason="Load", message="Because.", decided_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def obj(kind: str, name: str, owner: str, revision: str = "r1", **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {
            "namespace": "default",
            "name": name,
            "uid": f"{kind}-{name}",
            "resourceVersion": "1",
            "labels": {REVISION: revision},
            "ownerReferences": [{"kind": "X", "name": "x", "uid": owner}],
        },
        **fields,
    }


def pod(name: str, replica_set: str = "rs", *, ready: str = "True") -> dict[str, Any]:
    status = {"podIP": f"10.0.0.{len(name)}", "conditions": [{"type": "Ready", "status": ready}]}
    return obj("Pod", name, f"ReplicaSet-{replica_set}", status=status)


def cluster(*objects: dict[str, Any], suspend: bool = False) -> Cache:
    cache = Cache()
    body = minimal()
    body["metadata"] |= {"uid": "md", "generation": 1, "resourceVersion": "1"}
    body["spec"]["suspend"] = suspend
    for each in (body, *objects):
        cache.upsert(each["kind"], each)
    return cache


def serving(selected: str = "r1") -> tuple[dict[str, Any], ...]:
    return (
        obj("Service", "digits", "md", spec={"selector": {REVISION: selected}}),
        obj("Deployment", "d", "md", spec={"replicas": 3}),
        obj("ReplicaSet", "rs", "Deployment-d"),
        pod("a"),
        pod("bb", ready="False"),
    )


async def seen(look: ScalingTargets) -> list[ScaleTarget]:
    return [target async for target in look()]


async def targets(cache: Cache) -> list[ScaleTarget]:
    return await seen(ScalingTargets(cache, manifests.parse, Settings()))


async def test_the_ready_pods_of_the_serving_revision_are_looked_at() -> None:
    (target,) = await targets(cluster(*serving()))
    assert target.key == KEY
    assert target.pods == (PodAddress(uid="Pod-a", ip="10.0.0.1", namespace="default", name="a"),)
    assert (target.replicas, target.model) == (3, "digits")


@pytest.mark.parametrize("selected", ["none", "r2"])
async def test_what_has_no_traffic_is_not_looked_at(selected: str) -> None:
    assert await targets(cluster(*serving(selected))) == []


async def test_a_suspended_object_is_not_looked_at() -> None:
    assert await targets(cluster(*serving(), suspend=True)) == []


async def test_an_object_is_parsed_again_only_when_it_has_changed() -> None:
    parsed: list[str] = []

    def parse(body: Any) -> Any:
        parsed.append(body["metadata"]["resourceVersion"])
        return manifests.parse(body)

    cache = cluster(*serving())
    look = ScalingTargets(cache, parse, Settings())
    await seen(look)
    await seen(look)
    body = cache.get("ModelDeployment", *KEY)
    assert body is not None
    same = {**body["metadata"], "resourceVersion": "2"}
    cache.upsert("ModelDeployment", {**body, "metadata": same})
    await seen(look)
    assert parsed == ["1"]
    cache.upsert(
        "ModelDeployment", {**body, "metadata": {**same, "resourceVersion": "3", "generation": 2}}
    )
    await seen(look)
    assert parsed == ["1", "3"]


async def test_a_pod_that_becomes_ready_goes_or_comes_is_noticed() -> None:
    cache = cluster(*serving())
    look = ScalingTargets(cache, manifests.parse, Settings())

    async def pods() -> list[str]:
        (target,) = await seen(look)
        return sorted(each.name for each in target.pods)

    assert await pods() == ["a"]
    late = pod("bb")
    late["metadata"]["resourceVersion"] = "2"
    cache.upsert("Pod", late)
    assert await pods() == ["a", "bb"]
    cache.remove("Pod", pod("a"))
    assert await pods() == ["bb"]
    cache.upsert("ReplicaSet", obj("ReplicaSet", "newer", "Deployment-d"))
    cache.upsert("Pod", pod("ccc", "newer"))
    assert await pods() == ["bb", "ccc"]


async def test_what_changes_in_somebody_elses_turn_is_seen_as_it_is_then() -> None:
    cache = cluster(*serving())
    second = minimal("faces")
    second["metadata"] |= {"uid": "md2", "generation": 1, "resourceVersion": "1"}
    cache.upsert(second["kind"], second)
    service = obj("Service", "faces", "md2", spec={"selector": {REVISION: "r1"}})
    others = (service, obj("Deployment", "e", "md2", spec={"replicas": 1}))
    for each in others:
        cache.upsert(each["kind"], each)
    look = ScalingTargets(cache, manifests.parse, Settings())

    async def change() -> None:
        suspended = minimal("faces")
        suspended["metadata"] |= {"uid": "md2", "generation": 2, "resourceVersion": "2"}
        suspended["spec"]["suspend"] = True
        cache.upsert(suspended["kind"], suspended)

    first, _ = await asyncio.gather(seen(look), change())
    assert [target.model for target in first] == ["digits"]
    assert [target.model for target in await seen(look)] == ["digits"]


async def test_the_switch_of_the_service_is_noticed() -> None:
    cache = cluster(*serving("none"))
    look = ScalingTargets(cache, manifests.parse, Settings())
    assert await seen(look) == []
    switched = serving("r1")[0]
    switched["metadata"]["resourceVersion"] = "2"
    cache.upsert("Service", switched)
    assert [target.replicas for target in await seen(look)] == [3]


def test_a_decision_wakes_its_object_when_it_is_another_one() -> None:
    woken: list[tuple[str, str]] = []
    decisions = Decisions(told(None), woken.append)
    decisions.publish(KEY, DECISION)
    decisions.publish(KEY, replace(DECISION, message="In other words."))
    assert woken == [], "status says it already: a restart wakes nobody"
    decisions.publish(KEY, replace(DECISION, replicas=3))
    decisions.publish(KEY, replace(DECISION, replicas=3, reason="Holding"))
    assert len(woken) == 2


@pytest.mark.parametrize(
    ("first", "wakes"),
    [
        (DECISION, False),
        (replace(DECISION, replicas=3), True),
        (replace(DECISION, reason="Holding"), True),
        (replace(DECISION, requests_per_second=5.0), True),
    ],
)
def test_the_first_decision_wakes_where_status_says_otherwise(
    first: ScaleDecision, wakes: bool
) -> None:
    woken: list[tuple[str, str]] = []
    Decisions(told(None), woken.append).publish(KEY, first)
    assert bool(woken) is wakes


def told(requests_per_second: float | None = 100, cache: Cache | None = None) -> Cache:
    """A cluster whose model's status says so."""
    cache = cache or Cache()
    body = minimal()
    body["metadata"] |= {"uid": "md", "generation": 1, "resourceVersion": "1"}
    inputs = {"requestsPerSecond": requests_per_second}
    body["status"] = {
        "scaling": {"desiredReplicas": 2, "reason": "Load", "message": "Because.", "inputs": inputs}
    }
    cache.upsert(body["kind"], body)
    return cache


@pytest.mark.parametrize(("rate", "wakes"), [(100, 0), (109, 0), (120, 1), (80, 1)])
def test_numbers_wake_when_they_are_a_tenth_away_from_what_status_says(
    rate: float, wakes: int
) -> None:
    woken: list[tuple[str, str]] = []
    decisions = Decisions(told(100), woken.append)
    decisions.publish(KEY, replace(DECISION, requests_per_second=100.0))
    for seconds in range(5, 30, 5):
        at = DECISION.decided_at + timedelta(seconds=seconds)
        decisions.publish(KEY, replace(DECISION, requests_per_second=rate, decided_at=at))
    assert len(woken) == wakes


def test_numbers_that_could_not_be_told_wake_again_after_half_a_minute() -> None:
    woken: list[tuple[str, str]] = []
    decisions = Decisions(told(100), woken.append)
    for seconds in (0, 5, 35):
        at = DECISION.decided_at + timedelta(seconds=seconds)
        decisions.publish(KEY, replace(DECISION, requests_per_second=200.0, decided_at=at))
    assert len(woken) == 2


class CountedReads(Cache):
    """How often an object was made from what is stored."""

    reads = 0

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        self.reads += 1
        return super().get(kind, namespace, name)


def test_at_rest_no_status_is_read_to_find_that_nothing_is_new() -> None:
    cache = CountedReads()
    told(100, cache)
    decisions = Decisions(cache, lambda _: None)
    for seconds in range(0, 300, 30):
        at = DECISION.decided_at + timedelta(seconds=seconds)
        decisions.publish(KEY, replace(DECISION, requests_per_second=100.0, decided_at=at))
    assert cache.reads == 1


def test_the_last_decision_is_told_with_its_newest_numbers_until_forgotten() -> None:
    decisions = Decisions(told(), lambda _: None)
    newest = replace(DECISION, requests_per_second=3.0)
    decisions.publish(KEY, DECISION)
    decisions.publish(KEY, newest)
    assert decisions(KEY) == newest
    decisions.forget(KEY)
    assert decisions(KEY) is None


def started(created: str, ready: str) -> dict[str, Any]:
    found = pod("a")
    found["metadata"]["creationTimestamp"] = created
    found["status"]["conditions"][0]["lastTransitionTime"] = ready
    return found


def test_the_cold_start_is_the_median_of_what_the_pods_took() -> None:
    pods = [
        started("2026-01-01T00:00:00Z", "2026-01-01T00:00:08Z"),
        started("2026-01-01T00:00:00Z", "2026-01-01T00:00:12Z"),
        started("2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z"),  # was not ready in between
    ]
    assert cold_start_seconds(pods) == 12


def test_the_cold_start_is_unknown_until_a_pod_has_shown_it() -> None:
    assert cold_start_seconds([]) is None


async def test_without_pods_the_cold_start_is_what_status_remembers() -> None:
    cache = cluster(*serving()[:2])
    body = cache.get("ModelDeployment", *KEY)
    assert body is not None
    status = {"scaling": {"inputs": {"coldStartSeconds": 38.0}}}
    newer = {**body["metadata"], "resourceVersion": "2"}
    cache.upsert("ModelDeployment", {**body, "metadata": newer, "status": status})

    (target,) = await targets(cache)

    assert (target.pods, target.cold_start_seconds) == ((), 38)


def respecify(cache: Cache, **fields: Any) -> None:
    """The object with other fields in its spec, as a newer version."""
    body = cache.get("ModelDeployment", *KEY)
    assert body is not None
    newer = {**body["metadata"], "resourceVersion": "2"}
    cache.upsert("ModelDeployment", {**body, "metadata": newer, "spec": {**body["spec"], **fields}})


@pytest.mark.parametrize(("said", "expected"), [(None, "blind"), ("least-request", "shared")])
async def test_whether_pods_share_a_queue_is_what_the_spec_says(
    said: str | None, expected: str
) -> None:
    cache = cluster(*serving())
    scaling: dict[str, Any] = {
        "maxReplicas": 4,
        "objective": {"latency": {"maxMilliseconds": 50}},
        **({"balancing": said} if said else {}),
    }
    respecify(cache, scaling=scaling)

    (target,) = await targets(cache)

    assert target.balancing == expected


async def test_gpus_are_those_of_each_pod() -> None:
    cache = cluster(*serving())
    (without,) = await targets(cache)
    respecify(cache, serving={"accelerator": {"count": 2}})

    (with_two,) = await targets(cache)

    assert (without.gpus, with_two.gpus) == (0, 2)
