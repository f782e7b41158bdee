"""Carrying a plan out: ownership, preconditions, and quorum before anything is destroyed."""

from typing import Any

import pytest

from tests.support.fake_kube import FakeKube
from tests.support.manifests import minimal
from trifocal.api import manifest as manifests
from trifocal.api.schema import KIND
from trifocal.kube.cache import Cache
from trifocal.kube.errors import Refused, Transient
from trifocal.reconcile.apply import Applied, Change, apply
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.plan import Deletion, Plan

OWNER = {"apiVersion": "trifocal.dev/v1alpha1", "kind": KIND, "name": "digits", "controller": True}
LABELS = {"app.kubernetes.io/managed-by": "trifocal", "trifocal.dev/model-deployment": "digits"}


class Stage:
    """A ModelDeployment on a server and in a cache."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.cache = Cache()
        body = minimal()
        body["metadata"] |= {"uid": "md", "generation": 1}
        self.body = self.kube.put(body)
        self.md = manifests.parse(self.body)

    def child(self, name: str = "digits", kind: str = "Service", **fields: Any) -> dict[str, Any]:
        metadata = {
            "namespace": "default",
            "name": name,
            "labels": LABELS,
            "ownerReferences": [{**OWNER, "uid": "md"}],
        }
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}

    def live(self, obj: dict[str, Any], *, cached: bool = True) -> dict[str, Any]:
        stored = self.kube.put(obj)
        if cached:
            self.cache.upsert(obj["kind"], stored)
        self.kube.writes.clear()
        return stored

    async def carry_out(self, plan: Plan, **observed: Any) -> Applied:
        return await apply(self.kube, self.cache, self.md, Observed(**observed), plan)


async def test_a_child_that_is_not_there_is_created_and_cached() -> None:
    stage = Stage()
    done = await stage.carry_out(Plan(apply=(stage.child(),)))
    assert done.changes == {("Service", "digits"): Change.CREATED}
    assert stage.cache.get("Service", "default", "digits") is not None


async def test_a_new_child_costs_one_request() -> None:
    stage = Stage()
    await stage.carry_out(Plan(apply=(stage.child(),)))
    assert (stage.kube.writes, stage.kube.reads) == ([("apply", "Service", "digits")], [])


async def test_a_child_that_the_cache_has_not_seen_is_configured() -> None:
    stage = Stage()
    stage.live(stage.child(spec={"selector": {"a": "1"}}), cached=False)
    done = await stage.carry_out(Plan(apply=(stage.child(spec={"selector": {"a": "2"}}),)))
    assert done.changes == {("Service", "digits"): Change.CONFIGURED}


async def test_what_was_in_the_way_and_has_gone_since_is_tried_again() -> None:
    stage = Stage()
    stage.kube.faults["apply", "Service"] = Refused(409, "Conflict", "Of another version.")
    with pytest.raises(Transient, match="has changed since it was read"):
        await stage.carry_out(Plan(apply=(stage.child(),)))


async def test_a_child_that_differs_is_configured() -> None:
    stage = Stage()
    stage.live(stage.child(spec={"selector": {"a": "1"}}))
    done = await stage.carry_out(Plan(apply=(stage.child(spec={"selector": {"a": "2"}}),)))
    assert done.changes == {("Service", "digits"): Change.CONFIGURED}


async def test_an_apply_that_changes_nothing_is_unchanged() -> None:
    stage = Stage()
    stage.live(stage.child(spec={"selector": {"a": "1"}}))
    done = await stage.carry_out(Plan(apply=(stage.child(spec={"selector": {"a": "1"}}),)))
    assert done.changes == {("Service", "digits"): Change.UNCHANGED}


@pytest.mark.parametrize("owners", [None, [{"kind": "Other", "uid": "x", "controller": True}]])
async def test_anothers_object_is_refused_and_left_alone(owners: Any) -> None:
    stage = Stage()
    foreign = {
        "kind": "Service",
        "metadata": {"namespace": "default", "name": "digits", "ownerReferences": owners},
        "spec": {"selector": {"app": "theirs"}},
    }
    stage.live(foreign, cached=False)
    done = await stage.carry_out(Plan(apply=(stage.child(),)))
    (refusal,) = done.refusals
    assert (refusal.kind, refusal.name, refusal.reason) == ("Service", "digits", "NameTaken")
    assert "Delete or rename it" in refusal.message
    assert stage.kube.writes == []


async def test_an_orphan_of_this_name_is_adopted() -> None:
    stage = Stage()
    orphan = stage.child()
    del orphan["metadata"]["ownerReferences"]
    stage.live(orphan, cached=False)
    done = await stage.carry_out(Plan(apply=(stage.child(),)))
    assert done.changes == {("Service", "digits"): Change.CONFIGURED}


async def test_a_predecessors_child_is_waited_for_and_not_stolen() -> None:
    stage = Stage()
    old = stage.child()
    old["metadata"]["ownerReferences"] = [{**OWNER, "uid": "predecessor"}]
    stage.live(old, cached=False)
    with pytest.raises(Transient, match="earlier ModelDeployment"):
        await stage.carry_out(Plan(apply=(stage.child(),)))
    assert stage.kube.writes == []


async def test_a_child_on_its_way_out_is_waited_for() -> None:
    stage = Stage()
    leaving = stage.child()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    stage.live(leaving)
    with pytest.raises(Transient, match="being deleted"):
        await stage.carry_out(Plan(apply=(stage.child(),)))


async def test_a_namesake_made_since_is_not_written_to() -> None:
    stage = Stage()
    stage.live(stage.child())
    namesake = stage.child()
    namesake["metadata"] = {"namespace": "default", "name": "digits", "uid": "another"}
    stage.kube.put(namesake)
    with pytest.raises(Transient):
        await stage.carry_out(Plan(apply=(stage.child(spec={"selector": {"a": "1"}}),)))
    assert "spec" not in stage.kube.objects["Service", "default", "digits"]


async def test_a_ghost_in_the_cache_is_noticed_and_forgotten() -> None:
    stage = Stage()
    stage.live(stage.child())
    del stage.kube.objects["Service", "default", "digits"]
    with pytest.raises(Transient):
        await stage.carry_out(Plan(apply=(stage.child(),)))
    assert stage.cache.get("Service", "default", "digits") is None


async def test_a_stale_view_does_not_move_the_traffic() -> None:
    stage = Stage()
    seen = stage.live(stage.child(spec={"selector": {"revision": "none"}}))
    moved = stage.child(spec={"selector": {"revision": "new"}})
    moved["metadata"]["uid"] = seen["metadata"]["uid"]
    stage.live(moved, cached=False)
    back = stage.child(spec={"selector": {"revision": "none", "more": "1"}})
    with pytest.raises(Transient, match="changed"):
        await stage.carry_out(Plan(apply=(back,)), services=(seen,))
    assert stage.kube.writes == []
    known = stage.cache.get("Service", "default", "digits")
    assert known is not None
    assert known["spec"]["selector"] == {"revision": "new"}


async def test_a_job_whose_result_is_recorded_unseen_is_not_started_over() -> None:
    stage = Stage()
    job = stage.live(stage.child("digits-opt-1", kind="Job"))
    stage.live(stage.child("digits-opt-1-result", kind="ConfigMap"), cached=False)
    with pytest.raises(Transient, match="changed"):
        await stage.carry_out(Plan(delete=(deletion(job),)))
    assert stage.kube.writes == []


async def test_a_refused_child_does_not_keep_the_others_from_being_applied() -> None:
    stage = Stage()
    stage.kube.faults["apply", "Job"] = Refused(403, "Forbidden", "exceeded quota")
    plan = Plan(apply=(stage.child(kind="Job"), stage.child()))
    done = await stage.carry_out(plan)
    assert done.changes == {("Service", "digits"): Change.CREATED}
    assert [(r.kind, r.reason, r.message) for r in done.refusals] == [
        ("Job", "Forbidden", "exceeded quota")
    ]


def deletion(stored: dict[str, Any]) -> Deletion:
    metadata = stored["metadata"]
    return Deletion(kind=stored["kind"], name=metadata["name"], uid=metadata["uid"])


async def test_what_is_superfluous_is_deleted_by_uid() -> None:
    stage = Stage()
    old = stage.live(stage.child("old", "Deployment"))
    done = await stage.carry_out(Plan(delete=(deletion(old),)))
    assert done.changes == {("Deployment", "old"): Change.DELETED}
    assert stage.kube.writes == [("delete", "Deployment", "old")]
    assert stage.cache.get("Deployment", "default", "old") is None


async def test_nothing_is_deleted_when_something_was_refused() -> None:
    stage = Stage()
    old = stage.live(stage.child("old", "Deployment"))
    stage.kube.faults["apply", "Service"] = Refused(422, "Invalid", "no")
    await stage.carry_out(Plan(apply=(stage.child(),), delete=(deletion(old),)))
    assert ("Deployment", "default", "old") in stage.kube.objects


async def test_nothing_is_deleted_for_a_spec_that_has_changed_since() -> None:
    stage = Stage()
    old = stage.live(stage.child("old", "Deployment"))
    changed = {**stage.body, "metadata": {**stage.body["metadata"], "generation": 2}}
    stage.kube.put(changed)
    with pytest.raises(Transient, match="has changed since"):
        await stage.carry_out(Plan(delete=(deletion(old),)))
    assert ("Deployment", "default", "old") in stage.kube.objects


async def test_nothing_is_deleted_when_the_traffic_is_not_where_the_cache_says() -> None:
    stage = Stage()
    old = stage.live(stage.child("old", "Deployment"))
    service = stage.live(stage.child(spec={"selector": {"revision": "new"}}))
    stage.kube.put({**service, "spec": {"selector": {"revision": "old"}}})
    with pytest.raises(Transient, match="has changed since"):
        await stage.carry_out(Plan(delete=(deletion(old),)), services=(service,))
    assert ("Deployment", "default", "old") in stage.kube.objects


async def test_a_namesake_of_what_was_to_be_deleted_stays() -> None:
    stage = Stage()
    old = stage.live(stage.child("old", "Deployment"))
    namesake = stage.child("old", "Deployment")
    namesake["metadata"]["uid"] = "another"
    stage.kube.put(namesake)
    await stage.carry_out(Plan(delete=(deletion(old),)))
    assert ("Deployment", "default", "old") in stage.kube.objects


async def test_what_is_not_ours_is_never_deleted() -> None:
    stage = Stage()
    foreign = stage.child("old", "Deployment")
    foreign["metadata"]["ownerReferences"] = []
    stored = stage.live(foreign)
    await stage.carry_out(Plan(delete=(deletion(stored),)))
    assert ("Deployment", "default", "old") in stage.kube.objects
