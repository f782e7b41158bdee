"""Each oracle speaks up about a small history that is wrong, and about none that is right."""

from typing import Any

import pytest

from tests.faults.evidence import Evidence, Write
from tests.faults.history import Change
from tests.faults.oracles import ORACLES
from trifocal.api.names import REQUEST_ANNOTATION, REVISION_LABEL

UID = "uid-1"


class Story:
    """Changes and writes, one after the other."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.writes: list[Write] = []

    def happens(
        self, kind: str, name: str, *, event: str = "ADDED", by: str = "operator", **obj: Any
    ) -> "Story":
        version = len(self.changes) + 1
        metadata = {"name": name, "uid": f"{kind}-{name}", "generation": 1} | obj.pop("meta", {})
        whole = {"metadata": metadata, **obj}
        self.changes.append(Change(version=version, type=event, kind=kind, obj=whole))
        if by == "operator":
            self.writes.append(
                Write(
                    at=float(version),
                    method="DELETE" if event == "DELETED" else "PATCH",
                    kind=kind,
                    name=name,
                    subresource="status" if kind == "ModelDeployment" else "",
                    manager="trifocal",
                    body=whole,
                    status=200,
                    version=None if event == "DELETED" else version,
                    uid=metadata["uid"],
                )
            )
        return self

    def user(self, generation: int = 1, *, event: str = "ADDED", **spec: Any) -> "Story":
        meta = {"uid": UID, "generation": generation}
        return self.happens(
            "ModelDeployment", "digits", event=event, by="user", meta=meta, spec=spec
        )

    def status(self, generation: int = 1, observed: int = 1, **spec: Any) -> "Story":
        conditions = [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Ready",
                "observedGeneration": observed,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ]
        return self.happens(
            "ModelDeployment",
            "digits",
            event="MODIFIED",
            meta={"uid": UID, "generation": generation},
            spec=spec,
            status={"observedGeneration": observed, "conditions": conditions},
        )

    def said_by(self, oracle: str) -> list[str]:
        evidence = Evidence(
            name="digits",
            namespace="test",
            changes=tuple(self.changes),
            writes=tuple(self.writes),
            log=(),
        )
        return list(ORACLES[oracle](evidence))


def child(owner: str = UID, **rest: Any) -> dict[str, Any]:
    return {"ownerReferences": [{"uid": owner, "controller": True}], **rest}


def of_request(request: str = "r") -> dict[str, Any]:
    return child(annotations={REQUEST_ANNOTATION: request})


def service(revision: str) -> dict[str, Any]:
    return {"spec": {"selector": {REVISION_LABEL: revision}}, "meta": child()}


def pod(revision: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True"}]
    return {"meta": {"labels": {REVISION_LABEL: revision}}, "status": {"conditions": conditions}}


def deployment(revision: str, replicas: int) -> dict[str, Any]:
    meta = child(labels={REVISION_LABEL: revision}, uid=f"d-{revision}", generation=replicas)
    return {"meta": meta, "spec": {"replicas": replicas}}


def test_a_second_job_for_a_request_is_one_too_many() -> None:
    story = Story().user().happens("Job", "a", meta=of_request())
    assert story.said_by("one_job_per_request") == []
    assert story.happens("Job", "b", meta=of_request()).said_by("one_job_per_request")


def test_a_job_whose_result_is_recorded_is_not_made_again() -> None:
    story = Story().user().happens("Job", "a", meta=of_request())
    story.happens("ConfigMap", "r", meta=of_request(), data={"result.json": "{}"})
    story.happens("Job", "a", event="DELETED", meta=of_request())
    assert story.said_by("one_job_per_request") == []
    assert story.happens("Job", "a", meta=of_request()).said_by("one_job_per_request")


def test_traffic_does_not_leave_a_ready_revision_for_one_without_pods() -> None:
    story = Story().user(replicas=1).happens("Service", "digits", **service("old"))
    story.happens("Pod", "p", by="kubelet", **pod("old"))
    story.happens("Service", "digits", event="MODIFIED", **service("new"))
    assert story.said_by("keeps_serving")


def test_traffic_may_move_to_a_ready_revision() -> None:
    story = Story().user(replicas=1).happens("Service", "digits", **service("old"))
    story.happens("Pod", "p", by="kubelet", **pod("old"))
    story.happens("Pod", "q", by="kubelet", **pod("new"))
    story.happens("Service", "digits", event="MODIFIED", **service("new"))
    assert story.said_by("keeps_serving") == []


@pytest.mark.parametrize(("revision", "is_wrong"), [("old", True), ("older", False)])
def test_only_a_revision_without_traffic_may_be_deleted(revision: str, is_wrong: bool) -> None:
    story = Story().user(replicas=1).happens("Service", "digits", **service("old"))
    story.happens("Deployment", f"digits-{revision}", event="DELETED", **deployment(revision, 1))
    assert bool(story.said_by("keeps_serving")) is is_wrong


@pytest.mark.parametrize(("replicas", "is_wrong"), [(2, False), (3, True)])
def test_nobody_gets_more_pods_than_were_asked_for(replicas: int, is_wrong: bool) -> None:
    story = Story().user(replicas=2).happens("Deployment", "digits-r", **deployment("r", replicas))
    assert bool(story.said_by("replicas_within_bounds")) is is_wrong


@pytest.mark.parametrize(("replicas", "is_wrong"), [(2, False), (4, False), (5, True)])
def test_what_scales_stays_within_its_range(replicas: int, is_wrong: bool) -> None:
    spec: dict[str, Any] = {"replicas": 1, "scaling": {"minReplicas": 2, "maxReplicas": 4}}
    story = Story().user(**spec)
    story.happens("Service", "digits", **service("r"))
    story.happens("Deployment", "digits-r", **deployment("r", replicas))
    story.status(**spec)
    assert bool(story.said_by("replicas_within_bounds")) is is_wrong
    assert bool(story.said_by("ready_is_true")) is is_wrong


@pytest.mark.parametrize(("owner", "is_wrong"), [(UID, False), ("uid-of-another", True)])
def test_only_what_our_uid_owns_is_written(owner: str, is_wrong: bool) -> None:
    story = Story().user().happens("Service", "digits", by="another", meta=child(owner))
    story.happens("Service", "digits", event="MODIFIED", meta=child())
    assert bool(story.said_by("writes_only_what_is_ours")) is is_wrong


def test_a_deletion_names_a_uid() -> None:
    story = Story().user().happens("Job", "a", event="DELETED", meta=child())
    assert story.said_by("deletes_by_uid") == ["Job a was deleted by name alone"]


def test_ready_speaks_about_the_generation_that_it_names() -> None:
    story = Story().user(replicas=1).happens("Service", "digits", **service("r"))
    story.happens("Deployment", "digits-r", **deployment("r", 1))
    assert story.status(replicas=1).said_by("ready_is_true") == []
    story.user(2, event="MODIFIED", replicas=3)
    assert story.status(2, observed=2, replicas=3).said_by("ready_is_true")


def test_a_status_before_its_children_is_told() -> None:
    children_first = Story().user().happens("Service", "digits", meta=child()).status()
    assert children_first.said_by("status_follows_children") == []
    status_first = Story().user().status().happens("Service", "digits", meta=child())
    assert status_first.said_by("status_follows_children")


def test_what_others_did_may_be_answered_after_a_status() -> None:
    story = Story().user().happens("Pod", "p", by="kubelet", **pod("r")).status()
    assert story.happens("Service", "digits", meta=child()).said_by("status_follows_children") == []


def test_a_child_without_its_owner_is_told() -> None:
    story = Story().user().happens("Service", "digits", meta=child())
    assert story.said_by("children_are_owned") == []
    assert story.happens("Job", "a").said_by("children_are_owned")


def test_made_deleted_and_made_again_for_one_generation_is_told() -> None:
    story = Story().user().happens("Service", "digits", meta=child())
    story.happens("Service", "digits", event="DELETED", meta=child())
    assert story.said_by("makes_nothing_twice") == []
    assert story.happens("Service", "digits", meta=child()).said_by("makes_nothing_twice")
