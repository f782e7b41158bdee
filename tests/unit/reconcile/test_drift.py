"""Drift: what makes an apply, and what the API server or others may add without one."""

from typing import Any

import pytest

from trifocal.reconcile.drift import APPLIED_ANNOTATION, has_drifted, is_contained, stamped

WANTED: dict[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "a", "annotations": {"mine": "1"}},
    "spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80}]},
}


def live(**spec: Any) -> dict[str, Any]:
    stored = stamped(WANTED)
    return {**stored, "spec": {**stored["spec"], **spec}}


def test_what_was_applied_and_defaulted_has_not_drifted() -> None:
    defaulted = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30000}]
    assert not has_drifted(stamped(WANTED), live(clusterIP="10.0.0.1", ports=defaulted))


def test_what_is_absent_has_drifted() -> None:
    assert has_drifted(stamped(WANTED), None)


def test_a_changed_field_has_drifted() -> None:
    assert has_drifted(stamped(WANTED), live(selector={"app": "b"}))


def test_a_field_that_is_no_longer_wanted_has_drifted() -> None:
    before = stamped({**WANTED, "spec": {**WANTED["spec"], "sessionAffinity": "ClientIP"}})
    assert has_drifted(stamped(WANTED), before)


def test_a_removed_stamp_has_drifted() -> None:
    stored = live()
    stored["metadata"] = {**stored["metadata"], "annotations": {"mine": "1"}}
    assert APPLIED_ANNOTATION not in stored["metadata"]["annotations"]
    assert has_drifted(stamped(WANTED), stored)


def test_stamping_changes_nothing_that_it_was_given() -> None:
    stamped(WANTED)
    assert WANTED["metadata"]["annotations"] == {"mine": "1"}


@pytest.mark.parametrize(
    ("wanted", "stored", "contained"),
    [
        ({"readOnly": False}, {}, True),  # the server leaves out what is empty
        ({"env": []}, {}, True),
        ({"value": ""}, {}, True),
        ({"emptyDir": {}}, {}, True),
        ({"podSelector": {}}, {"podSelector": {}}, True),
        ({"strategy": {}}, {"strategy": {"type": "RollingUpdate"}}, True),
        ({"replicas": 0}, {"replicas": 0}, True),
        ({"replicas": 0}, {"replicas": 2}, False),
        ({"readOnly": False}, {"readOnly": True}, False),
        ({"args": ["a"]}, {"args": ["a", "b"]}, False),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, False),
        ({"args": ["a"]}, {}, False),
        ([{"name": "x", "value": "1"}], [{"name": "y"}, {"name": "x", "value": "1"}], True),
        ([{"name": "x", "value": "1"}], [{"name": "y"}, {"name": "x", "value": "2"}], False),
        ([{"name": "x"}, {"name": "y"}], [{"name": "x"}], False),
        ("text", None, False),
        ({"a": {"b": 1}}, {"a": None}, False),
    ],
)
def test_containment(wanted: Any, stored: Any, *, contained: bool) -> None:
    assert is_contained(wanted, stored) is contained
