"""From watch events to keys."""

from typing import Any

import pytest

from trifocal.handlers.intake import Intake, owner_key
from trifocal.kube.cache import Cache

MD = "ModelDeployment"


def obj(name: str, *, version: int = 1, uid: str = "u", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "ns",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            **metadata,
        }
    }


class Desk:
    """An intake with everything that it told."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str]] = []
        self.lists: list[str] = []
        self.kinds: list[str] = []
        self.cache = Cache()
        self.intake = Intake(
            self.cache, add=self.keys.append, listed=self.lists.append, seen=self.kinds.append
        )


def test_a_modeldeployment_is_its_own_key() -> None:
    desk = Desk()
    desk.intake.receive(MD, "ADDED", obj("pages"))
    assert desk.keys == [("ns", "pages")]


def test_a_child_wakes_its_controller() -> None:
    owner = {"kind": MD, "name": "pages", "uid": "o"}
    assert owner_key("Job", obj("j", ownerReferences=[owner])) == ("ns", "pages")


def test_a_pod_wakes_the_modeldeployment_that_its_label_names() -> None:
    pod = obj(
        "p",
        labels={"trifocal.dev/model-deployment": "pages"},
        ownerReferences=[{"kind": "ReplicaSet", "name": "r", "uid": "o"}],
    )
    assert owner_key("Pod", pod) == ("ns", "pages")


def test_a_strangers_pod_wakes_nobody() -> None:
    assert owner_key("Pod", obj("p")) is None


def test_an_event_that_says_nothing_new_wakes_nobody() -> None:
    desk = Desk()
    desk.intake.receive(MD, "ADDED", obj("pages"))
    desk.intake.receive(MD, "MODIFIED", obj("pages", version=2))
    assert desk.keys == [("ns", "pages")]


def test_the_echo_of_our_own_write_wakes_nobody() -> None:
    desk = Desk()
    answer = {**obj("pages", version=5), "status": {"replicas": 1}}
    desk.cache.upsert(MD, answer)
    desk.intake.receive(MD, "MODIFIED", answer)
    assert desk.keys == []


def test_a_deletion_wakes_and_empties() -> None:
    desk = Desk()
    desk.intake.receive(MD, "ADDED", obj("pages"))
    desk.intake.receive(MD, "DELETED", obj("pages", version=2))
    assert len(desk.keys) == 2
    assert desk.cache.get(MD, "ns", "pages") is None


@pytest.mark.parametrize(("event", "lists"), [(None, ["Job"]), ("ADDED", [])])
def test_only_a_list_asks_for_a_sweep(event: str | None, lists: list[str]) -> None:
    desk = Desk()
    desk.intake.receive("Job", event, obj("j"))
    assert desk.lists == lists
    assert desk.kinds == ["Job"]
