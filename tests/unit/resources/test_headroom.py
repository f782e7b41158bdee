"""Placeholders: a serving pod's room, and nothing else of it."""

from copy import deepcopy
from typing import Any

import pytest

from tests.unit.resources.deployments import RESULT, SETTINGS, full, image_of, minimal
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.disruption import pod_disruption_budget
from trifocal.resources.headroom import headroom_deployment
from trifocal.resources.network import optimization_network_policy, serving_network_policy
from trifocal.resources.quantity import amount
from trifocal.resources.revision import revision_deployment
from trifocal.resources.service import service

REVISION = "a" * 64
BOTH = pytest.mark.parametrize("md", [minimal(), full()], ids=["minimal", "full"])


def serving(md: ModelDeployment) -> dict[str, Any]:
    return revision_deployment(md, REVISION, RESULT, image_of(md), SETTINGS, 1)


def placeholders(md: ModelDeployment) -> dict[str, Any]:
    return headroom_deployment(md, serving(md), 1, SETTINGS)


def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def asked(spec: dict[str, Any], resource: str, kind: str) -> float:
    """What the scheduler takes a pod to need (Kubernetes, "Sidecar Containers": resource sharing).

    Sidecars and containers together, or an init container with the sidecars before it where that
    is more.
    """

    def of(container: dict[str, Any]) -> float:
        return float(amount(container["resources"].get(kind, {}).get(resource, "0")))

    sidecars = most = 0.0
    for each in spec["initContainers"]:
        if each.get("restartPolicy") == "Always":
            sidecars += of(each)
        else:
            most = max(most, sidecars + of(each))
    return max(most, sidecars + sum(map(of, spec["containers"])))


@BOTH
def test_a_placeholder_needs_exactly_the_room_of_a_serving_pod(md: ModelDeployment) -> None:
    real, kept = pod(serving(md)), pod(placeholders(md))
    for resource in ("cpu", "memory", "nvidia.com/gpu"):
        for kind in ("requests", "limits"):
            assert asked(kept, resource, kind) == asked(real, resource, kind)


def test_the_room_is_that_of_the_spec() -> None:
    """One GPU, and the CPU of Triton (1) and of the front beside it (50m)."""
    kept = pod(placeholders(full()))
    assert asked(kept, "nvidia.com/gpu", "limits") == 1
    assert asked(kept, "cpu", "requests") == pytest.approx(1.05)


def test_it_may_run_on_the_same_nodes() -> None:
    kept = pod(placeholders(full()))
    assert kept["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert kept["tolerations"] == pod(serving(full()))["tolerations"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("runtimeClassName", "nvidia"), ("affinity", {"nodeAffinity": {}})],
)
def test_what_else_places_a_serving_pod_places_it_too(field: str, value: Any) -> None:
    """As a later release may have it."""
    made = serving(minimal())
    made["spec"]["template"]["spec"][field] = value
    assert pod(headroom_deployment(minimal(), made, 1, SETTINGS))[field] == value


@BOTH
def test_every_image_of_a_serving_pod_is_pulled(md: ModelDeployment) -> None:
    def images(spec: dict[str, Any]) -> dict[str, str]:
        return {each["name"]: each["image"] for each in spec["initContainers"] + spec["containers"]}

    assert images(pod(placeholders(md))) == images(pod(serving(md)))


@BOTH
def test_it_does_nothing_and_knows_nothing(md: ModelDeployment) -> None:
    kept = pod(placeholders(md))
    commands = {each["name"]: each["command"] for each in kept["initContainers"]}
    assert commands == {"fetch": ["true"], "front": ["sleep", "infinity"]}
    (triton,) = kept["containers"]
    assert triton["command"] == ["sleep", "infinity"]
    assert "volumes" not in kept
    for container in (*kept["initContainers"], triton):
        work = {"args", "env", "ports", "volumeMounts", "startupProbe", "readinessProbe"}
        assert not (work | {"livenessProbe", "lifecycle"}) & set(container)


def test_it_yields_to_every_other_pod_at_once() -> None:
    kept = pod(placeholders(minimal()))
    assert kept["priorityClassName"] == "trifocal-headroom"
    assert kept["terminationGracePeriodSeconds"] == 0
    own = SETTINGS.model_copy(update={"headroom_priority_class": "low"})
    made = headroom_deployment(minimal(), serving(minimal()), 1, own)
    assert pod(made)["priorityClassName"] == "low"


@BOTH
def test_no_selector_of_the_model_takes_it_for_a_pod_of_its_own(md: ModelDeployment) -> None:
    labels = placeholders(md)["spec"]["template"]["metadata"]["labels"].items()
    network = (serving_network_policy(md, SETTINGS), optimization_network_policy(md, SETTINGS))
    selectors = [
        service(md, REVISION)["spec"]["selector"],
        pod_disruption_budget(md)["spec"]["selector"]["matchLabels"],
        serving(md)["spec"]["selector"]["matchLabels"],
        *(policy["spec"]["podSelector"]["matchLabels"] for policy in network),
    ]
    assert [selector for selector in selectors if selector.items() <= labels] == []
    own = placeholders(md)["spec"]["selector"]["matchLabels"].items()
    assert own <= labels
    assert not own <= serving(md)["spec"]["template"]["metadata"]["labels"].items()


def test_two_models_do_not_share_placeholders() -> None:
    other = minimal(metadata__name="letters")
    labels = placeholders(other)["spec"]["template"]["metadata"]["labels"].items()
    assert not placeholders(minimal())["spec"]["selector"]["matchLabels"].items() <= labels


@BOTH
def test_the_stored_deployment_gives_the_same_placeholders(md: ModelDeployment) -> None:
    """With the API server's defaults, which are not Trifocal's to repeat."""
    stored = deepcopy(serving(md))
    stored["status"] = {"readyReplicas": 1}
    stored["spec"]["template"]["spec"] |= {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "serviceAccount": md.spec.service_account_name,
    }
    assert headroom_deployment(md, stored, 1, SETTINGS) == placeholders(md)


def test_it_waits_for_a_node_without_a_deadline_and_changes_shape_without_a_second_pod() -> None:
    spec = placeholders(minimal())["spec"]
    assert spec["progressDeadlineSeconds"] == 2147483647  # math.MaxInt32, Kubernetes' "never"
    assert spec["strategy"] == {"type": "Recreate"}
