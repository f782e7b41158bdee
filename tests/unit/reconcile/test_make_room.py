"""Giving up a pod where accelerators are scarce: each condition alone forbids it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trifocal.api.condition import Reason
from trifocal.reconcile.make_room import gives_up_pod, room_note
from trifocal.reconcile.revisions import MADE_ROOM_ANNOTATION, Revision
from trifocal.reconcile.rollout import Rollout
from trifocal.reconcile.trouble import Trouble

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GPU = {"containers": [{"resources": {"requests": {"nvidia.com/gpu": "1"}}}]}


def pod(*, node: str | None = None, waits: int = 60, says: str | None = None) -> Any:
    """A pod of the new revision: on a node, or refused by the scheduler for some seconds."""
    words = says or "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    refusal = {
        "type": "PodScheduled",
        "status": "False",
        "message": words,
        "lastTransitionTime": (NOON - timedelta(seconds=waits)).isoformat(),
    }
    if node:
        return {"metadata": {"name": "p"}, "spec": {**GPU, "nodeName": node}, "status": {}}
    return {"metadata": {"name": "p"}, "spec": GPU, "status": {"conditions": [refusal]}}


def serving(replicas: int, note: str | None = None, **rest: Any) -> Revision:
    annotations = {MADE_ROOM_ANNOTATION: note} if note else {}
    deployment = {
        "metadata": {"name": "old", "annotations": annotations},
        "spec": {"replicas": replicas, "template": {"spec": GPU}},
    }
    return Revision(hash="old", deployments=(deployment,), **rest)


def rollout(*pods: Any, old: Revision | None = None, proven: int = 0) -> Rollout:
    return Rollout(
        wanted=Revision(hash="new", pods=pods),
        serving=old or serving(2),
        previous=None,
        switched_at=None,
        selected="old",
        proven=pods[:proven],
    )


def test_a_pod_that_has_waited_long_enough_gets_a_place() -> None:
    assert gives_up_pod(rollout(pod()), NOON)
    assert room_note(rollout(pod())) == "new.0"


def test_not_before_the_cluster_had_its_chance_to_find_a_node() -> None:
    assert not gives_up_pod(rollout(pod(waits=19)), NOON)
    assert gives_up_pod(rollout(pod(waits=20)), NOON)


def test_not_while_a_place_that_was_given_up_is_still_being_vacated() -> None:
    assert not gives_up_pod(rollout(pod(), old=serving(2, leaving=1)), NOON)


def test_not_when_somebody_else_took_the_place_given_up_before() -> None:
    assert not gives_up_pod(rollout(pod(), old=serving(2, note="new.0")), NOON)


def test_again_once_the_place_given_up_before_was_used_and_proved() -> None:
    found = rollout(pod(node="n"), pod(), old=serving(2, note="new.0"), proven=1)
    assert gives_up_pod(found, NOON)


def test_what_was_given_to_another_revision_does_not_count() -> None:
    assert gives_up_pod(rollout(pod(), old=serving(2, note="abandoned.0")), NOON)


def test_not_while_a_new_pod_has_a_place_and_has_proved_nothing() -> None:
    assert not gives_up_pod(rollout(pod(node="n"), pod()), NOON)


def test_never_the_last_pod_while_a_new_one_has_a_place() -> None:
    found = rollout(pod(node="n"), pod(), old=serving(1), proven=1)
    assert not gives_up_pod(found, NOON)


def test_the_only_pod_stops_first() -> None:
    assert gives_up_pod(rollout(pod(), old=serving(1)), NOON)
    assert not gives_up_pod(rollout(pod(), old=serving(0)), NOON)


def test_not_for_a_pod_that_waits_for_something_else() -> None:
    taint = "0/1 nodes are available: 1 node(s) had untolerated taint(s)."
    assert not gives_up_pod(rollout(pod(says=taint)), NOON)


def test_not_for_a_refused_revision_or_after_the_switch() -> None:
    refused = Trouble(reason=Reason.ANSWERS_DIFFER, message="other scores")
    assert not gives_up_pod(replace(rollout(pod()), refused=refused), NOON)
    assert not gives_up_pod(replace(rollout(pod()), selected="new"), NOON)
