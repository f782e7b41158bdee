"""Service, PodDisruptionBudget and NetworkPolicies: who reaches which pods."""

from typing import Any

import pytest

from tests.unit.resources.deployments import RESULT, SETTINGS, image_of, minimal
from trifocal.resources.disruption import pod_disruption_budget
from trifocal.resources.network import optimization_network_policy, serving_network_policy
from trifocal.resources.optimization_job import build_request, optimization_job
from trifocal.resources.revision import revision_deployment
from trifocal.resources.service import service

MD = minimal()
OLD, NEW = "a" * 64, "b" * 64


def pod_labels(revision: str) -> dict[str, str]:
    made = revision_deployment(MD, revision, RESULT, image_of(MD), SETTINGS, 1)
    labels: dict[str, str] = made["spec"]["template"]["metadata"]["labels"]
    return labels


def job_labels() -> dict[str, str]:
    job = optimization_job(MD, build_request(MD, SETTINGS), SETTINGS)
    labels: dict[str, str] = job["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_the_service_selects_the_pods_of_one_revision_and_no_others() -> None:
    selector = service(MD, NEW)["spec"]["selector"]
    assert selects(selector, pod_labels(NEW))
    assert not selects(selector, pod_labels(OLD))
    assert not selects(selector, job_labels())


def test_switching_revisions_changes_the_selector_and_one_label() -> None:
    old, new = service(MD, OLD), service(MD, NEW)
    new["spec"]["selector"] = old["spec"]["selector"]
    new["metadata"]["labels"]["trifocal.dev/revision"] = "a" * 10
    assert old == new


def test_the_service_is_named_as_the_object_and_keeps_tritons_port_numbers() -> None:
    made = service(MD, NEW)
    assert made["metadata"]["name"] == "digits"
    assert [(p["name"], p["port"]) for p in made["spec"]["ports"]] == [
        ("http", 8000),
        ("grpc", 8001),
    ]


def test_a_drain_takes_one_serving_pod_at_a_time_whatever_its_revision() -> None:
    spec = pod_disruption_budget(MD)["spec"]
    assert spec["maxUnavailable"] == 1
    selector = spec["selector"]["matchLabels"]
    assert selects(selector, pod_labels(OLD))
    assert selects(selector, pod_labels(NEW))
    assert not selects(selector, job_labels())


def test_a_pod_that_is_not_ready_never_blocks_a_drain() -> None:
    assert pod_disruption_budget(MD)["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


OPERATOR = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SETTINGS.namespace}}
}


def sources(policy: dict[str, Any], port: int) -> list[dict[str, Any]]:
    return [
        source
        for rule in policy["spec"]["ingress"]
        if port in {p["port"] for p in rule["ports"]}
        for source in rule["from"]
    ]


@pytest.mark.parametrize("port", [8000, 8001])
def test_inference_comes_from_the_own_namespace_labelled_ones_and_the_operator(port: int) -> None:
    assert sources(serving_network_policy(MD, SETTINGS), port) == [
        {"podSelector": {}},
        {"namespaceSelector": {"matchLabels": {"trifocal.dev/clients": "true"}}},
        OPERATOR,
    ]


def test_metrics_are_for_the_operator_and_labelled_namespaces() -> None:
    assert sources(serving_network_policy(MD, SETTINGS), 8002) == [
        OPERATOR,
        {"namespaceSelector": {"matchLabels": {"trifocal.dev/metrics": "true"}}},
    ]


def test_progress_is_for_the_operator_alone() -> None:
    policy = optimization_network_policy(MD, SETTINGS)
    assert sources(policy, 8090) == [OPERATOR]
    assert len(policy["spec"]["ingress"]) == 1


def test_each_policy_covers_its_own_pods_only() -> None:
    serving = serving_network_policy(MD, SETTINGS)["spec"]["podSelector"]["matchLabels"]
    optimizing = optimization_network_policy(MD, SETTINGS)["spec"]["podSelector"]["matchLabels"]
    assert selects(serving, pod_labels(NEW))
    assert not selects(serving, job_labels())
    assert selects(optimizing, job_labels())
    assert not selects(optimizing, pod_labels(NEW))


@pytest.mark.parametrize(
    "child",
    [
        service(MD, NEW),
        pod_disruption_budget(MD),
        serving_network_policy(MD, SETTINGS),
        optimization_network_policy(MD, SETTINGS),
    ],
    ids=lambda child: child["metadata"]["name"] + "-" + child["kind"],
)
def test_every_child_goes_when_its_owner_goes(child: dict[str, Any]) -> None:
    (owner,) = child["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "trifocal.dev/v1alpha1",
        "kind": "ModelDeployment",
        "name": "digits",
        "uid": "0000-1111",
        "controller": True,
    }
