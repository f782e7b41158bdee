"""The watch cache: what wins when versions of an object arrive in any order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.kube.cache import REMEMBERED_DELETIONS, Cache
from trifocal.kube.kept import whole


def pod(version: int, *, uid: str = "u1", name: str = "a", **fields: Any) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, **fields.pop("metadata", {})}, **fields}


def owned(version: int, owner: str, *, uid: str = "u1", name: str = "a") -> dict[str, Any]:
    references = [{"uid": owner, "kind": "Job", "name": "j"}]
    return pod(version, uid=uid, name=name, metadata={"ownerReferences": references})


def test_a_newer_version_replaces_an_older_one() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(1, status={"phase": "Pending"}))
    assert cache.upsert("Pod", pod(2, status={"phase": "Running"}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert stored["status"] == {"phase": "Running"}


@pytest.mark.parametrize("late", [1, 2])
def test_a_late_or_repeated_version_is_ignored(late: int) -> None:
    cache = Cache()
    cache.upsert("Pod", pod(2, status={"phase": "Running"}))
    assert not cache.upsert("Pod", pod(late, status={"phase": "Pending"}))


def test_versions_compare_as_numbers() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(9))
    assert cache.upsert("Pod", pod(10, status={"phase": "Running"}))


def test_a_version_that_says_nothing_new_is_stored_and_not_reported() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(1))
    assert not cache.upsert("Pod", pod(2, metadata={"managedFields": [{"manager": "x"}]}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert stored["metadata"]["resourceVersion"] == "2"


def test_managed_fields_are_not_kept() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(1, metadata={"managedFields": [{"manager": "x"}]}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert "managedFields" not in stored["metadata"]


def test_list_items_get_their_kind() -> None:
    cache = Cache()
    cache.upsert("Job", pod(1))
    stored = cache.get("Job", "ns", "a")
    assert stored is not None
    assert (stored["apiVersion"], stored["kind"]) == ("batch/v1", "Job")


def test_a_deleted_object_is_gone_and_no_late_answer_revives_it() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(1))
    assert cache.remove("Pod", pod(3))
    assert not cache.upsert("Pod", pod(2))
    assert cache.get("Pod", "ns", "a") is None


def test_a_late_deletion_spares_the_namesake_made_since() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(5, uid="new"))
    assert not cache.remove("Pod", pod(4, uid="old"))
    assert cache.get("Pod", "ns", "a") is not None


def test_children_are_found_by_owner_uid_and_kind_in_order_of_name() -> None:
    cache = Cache()
    cache.upsert("Pod", owned(1, "job", uid="u2", name="b"))
    cache.upsert("Pod", owned(2, "job", uid="u1", name="a"))
    cache.upsert("Pod", owned(3, "another", uid="u3", name="c"))
    cache.upsert("Service", owned(4, "job", uid="u4", name="s"))
    assert [p["metadata"]["name"] for p in cache.owned_by("job", "Pod")] == ["a", "b"]


def test_a_child_that_changes_its_owner_leaves_the_first() -> None:
    cache = Cache()
    cache.upsert("Pod", owned(1, "first"))
    cache.upsert("Pod", owned(2, "second"))
    assert cache.owned_by("first", "Pod") == ()
    assert len(cache.owned_by("second", "Pod")) == 1


def test_a_deleted_child_is_no_child() -> None:
    cache = Cache()
    cache.upsert("Pod", owned(1, "job"))
    cache.remove("Pod", owned(2, "job"))
    assert cache.owned_by("job", "Pod") == ()


def test_deletions_are_remembered_up_to_a_limit() -> None:
    cache = Cache()
    for number in range(REMEMBERED_DELETIONS + 1):
        cache.remove("Pod", pod(1, uid=f"gone-{number}"))
    assert len(cache._deleted) == REMEMBERED_DELETIONS


@given(st.permutations(range(1, 8)))
def test_whatever_the_order_the_newest_version_stays(order: list[int]) -> None:
    cache = Cache()
    for version in order:
        cache.upsert("Pod", pod(version, status={"phase": str(version)}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert stored["status"] == {"phase": "7"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]), st.booleans())))
def test_the_owner_index_agrees_with_the_objects(steps: list[tuple[str, str, bool]]) -> None:
    cache = Cache()
    for version, (name, owner, deleted) in enumerate(steps, start=1):
        if deleted and (live := cache.get("Pod", "ns", name)):
            cache.remove("Pod", live)
        elif not deleted:
            cache.upsert("Pod", owned(version, owner, uid=f"{name}{version}", name=name))
    pods = [found for address in cache.uids("Pod") if (found := cache.get("Pod", *address))]
    for owner in ("x", "y"):
        expected = sorted(
            p["metadata"]["name"]
            for p in pods
            if p["metadata"]["ownerReferences"][0]["uid"] == owner
        )
        assert [p["metadata"]["name"] for p in cache.owned_by(owner, "Pod")] == expected


def test_uid_and_version_are_told_without_making_the_object() -> None:
    cache = Cache()
    cache.upsert("Pod", pod(3, uid="u3", name="a"))
    cache.upsert("Pod", pod(4, uid="u4", name="b"))
    assert cache.uids("Pod") == {("ns", "a"): "u3", ("ns", "b"): "u4"}
    assert cache.version("Pod", "ns", "b") == 4
    assert cache.version("Pod", "ns", "c") is None


def test_an_object_has_changed_when_it_or_what_it_owns_has() -> None:
    cache = Cache()
    cache.upsert("Job", pod(1, uid="j", name="j"))
    seen = [cache.changed("j")]
    cache.upsert("Pod", owned(1, "j"))
    seen.append(cache.changed("j"))
    cache.upsert("Pod", {**owned(2, "j"), "status": {"phase": "Running"}})
    seen.append(cache.changed("j"))
    cache.remove("Pod", owned(3, "j"))
    seen.append(cache.changed("j"))
    cache.upsert("Job", {**pod(2, uid="j", name="j"), "status": {"conditions": [FAILURE]}})
    seen.append(cache.changed("j"))
    assert len(set(seen)) == 5


def test_what_says_nothing_new_is_no_change() -> None:
    cache = Cache()
    cache.upsert("Job", pod(1, uid="j", name="j"))
    cache.upsert("Pod", owned(1, "j"))
    before = cache.changed("j")
    cache.upsert("Pod", owned(2, "j"))
    cache.upsert("Job", pod(2, uid="j", name="j"))
    cache.upsert("Pod", pod(1, uid="another", name="b"))
    assert cache.changed("j") == before


def test_an_owner_that_comes_after_what_it_owns_counts_as_changed() -> None:
    cache = Cache()
    cache.upsert("Pod", owned(1, "j"))
    assert cache.changed("j") == 0
    cache.upsert("Job", pod(1, uid="j", name="j"))
    assert cache.changed("j") > 0
    cache.remove("Job", pod(1, uid="j", name="j"))
    assert cache.changed("j") == 0


def test_of_a_pod_is_kept_where_it_is_and_what_it_takes() -> None:
    template = {
        "nodeName": "gpu-1",
        "nodeSelector": {"zone": "a"},
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "containers": [
            {"name": "triton", "resources": {"limits": {"cpu": "1"}}, "env": [{"name": "A"}]}
        ],
        "initContainers": [{"name": "front", "restartPolicy": "Always", "image": "nginx"}],
    }
    told = [{"type": kind, "status": "True"} for kind in ("Initialized", "PodScheduled", "Ready")]
    cache = Cache()
    cache.upsert("Pod", pod(1, spec=template, status={"phase": "Running", "conditions": told}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert stored["status"] == {"phase": "Running", "conditions": told[1:]}
    assert stored["spec"] == {
        "nodeName": "gpu-1",
        "nodeSelector": {"zone": "a"},
        "containers": [{"name": "triton", "resources": {"limits": {"cpu": "1"}}}],
        "initContainers": [{"name": "front", "restartPolicy": "Always"}],
    }


TEMPLATE: dict[str, Any] = {"spec": {"containers": []}}
FAILURE = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
PROGRESS = {"type": "Progressing", "status": "True", "message": "has 1 of 2 pods"}


def test_of_a_replica_set_is_kept_whose_it_is_and_what_keeps_its_pods_from_being_made() -> None:
    cache = Cache()
    annotations = {"deployment.kubernetes.io/desired-replicas": "2"}
    counts = {"replicas": 2, "readyReplicas": 1, "conditions": [PROGRESS, FAILURE]}
    written = owned(1, "d")
    written["metadata"] |= {"annotations": annotations, "generation": 3, "labels": {"a": "b"}}
    cache.upsert("ReplicaSet", {**written, "spec": {"template": TEMPLATE}, "status": counts})
    stored = cache.get("ReplicaSet", "ns", "a")
    assert stored is not None
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert not {"annotations", "generation"} & stored["metadata"].keys()
    assert (stored["spec"], stored["status"]) == ({}, {"conditions": [FAILURE]})
    assert cache.owned_by("d", "ReplicaSet") == (stored,)


def test_of_a_deployment_the_spec_is_kept_and_its_counting_is_no_news() -> None:
    cache = Cache()
    spec = {"replicas": 2, "template": TEMPLATE}
    cache.upsert("Deployment", pod(1, spec=spec))
    counted = {"observedGeneration": 4, "updatedReplicas": 2, "conditions": [PROGRESS]}
    assert not cache.upsert("Deployment", pod(2, spec=spec, status=counted))
    assert cache.upsert("Deployment", pod(3, spec=spec, status={"readyReplicas": 1}))
    assert cache.upsert("Deployment", pod(4, spec=spec, status={"conditions": [FAILURE]}))
    stored = cache.get("Deployment", "ns", "a")
    assert stored is not None
    assert (stored["spec"], stored["status"]) == (spec, {"conditions": [FAILURE]})


def test_what_is_counted_of_pods_in_jobs_and_budgets_is_no_news() -> None:
    cache = Cache()
    complete = {"type": "Complete", "status": "True"}
    cache.upsert("Job", pod(1, status={"active": 1}))
    assert not cache.upsert("Job", pod(2, status={"active": 1, "ready": 1}))
    assert cache.upsert("Job", pod(3, status={"succeeded": 1, "conditions": [complete]}))
    cache.upsert("PodDisruptionBudget", pod(1, uid="b", spec={"minAvailable": 1}))
    counted = {"currentHealthy": 1, "conditions": [{"type": "DisruptionAllowed"}]}
    again = pod(2, uid="b", spec={"minAvailable": 1}, status=counted)
    assert not cache.upsert("PodDisruptionBudget", again)
    assert cache.upsert("PodDisruptionBudget", pod(3, uid="b", spec={"minAvailable": 2}))


def test_a_person_is_shown_all_of_it_but_who_wrote_what() -> None:
    cache = Cache(whole)
    spec = {"nodeName": "gpu-1", "volumes": [{"name": "scratch"}]}
    cache.upsert("Pod", pod(1, spec=spec, metadata={"managedFields": [{"manager": "x"}]}))
    stored = cache.get("Pod", "ns", "a")
    assert stored is not None
    assert stored["spec"] == spec
    assert "managedFields" not in stored["metadata"]
