"""A revision: what makes another one, what does not, and how its pods come and go."""

import copy
from typing import Any

import pytest

from tests.support import manifests
from tests.unit.resources.deployments import RESULT, SETTINGS, full, image_of, minimal
from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.resources.revision import (
    revision_config_map,
    revision_deployment,
    revision_hash,
    revision_selector,
    serving_selector,
)
from trifocal.resources.serving_pod import PRE_STOP_SECONDS, TERMINATION_GRACE_SECONDS
from trifocal.settings import Settings
from trifocal.triton.arguments import EXIT_TIMEOUT_SECONDS, MAX_CONNECTION_AGE_SECONDS


def hash_of(
    md: ModelDeployment, result: OptimizationResult = RESULT, settings: Settings = SETTINGS
) -> str:
    return revision_hash(md, result, image_of(md, settings), settings)


def deployment(md: ModelDeployment, replicas: int = 2) -> dict[str, Any]:
    return revision_deployment(md, hash_of(md), RESULT, image_of(md), SETTINGS, replicas)


def pod(md: ModelDeployment) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(md)["spec"]["template"]["spec"]
    return spec


def container(md: ModelDeployment, name: str) -> dict[str, Any]:
    spec = pod(md)
    found: dict[str, Any]
    (found,) = [c for c in (*spec["initContainers"], *spec["containers"]) if c["name"] == name]
    return found


BASE = minimal()


@pytest.mark.parametrize(
    "changed",
    [
        minimal(spec__replicas=5),
        minimal(spec__suspend=True),
        minimal(spec__optimization__gate={"accuracy": {"maxDrop": 0.5}}),
        minimal(spec__optimization__job={"deadlineSeconds": 60}),
        minimal(spec__model__labels=["a", "b", "c"]),
    ],
    ids=["replicas", "suspend", "gate", "job", "labels"],
)
def test_what_no_serving_pod_is_made_from_makes_no_other_revision(
    changed: ModelDeployment,
) -> None:
    assert hash_of(changed) == hash_of(BASE)


@pytest.mark.parametrize(
    "changed",
    [
        minimal(spec__serving__instances=2),
        minimal(spec__serving__batching={"maxBatchSize": 4}),
        minimal(spec__serving__resources={"limits": {"memory": "2Gi"}}),
        minimal(spec__serving__accelerator={"count": 1}),
        minimal(spec__serving__triton={"version": "26.05"}),
        minimal(spec__artifacts={"uri": "file:///other", "claimName": "artifacts"}),
        minimal(spec__serviceAccountName="vision"),
    ],
    ids=["instances", "batching", "resources", "accelerator", "triton", "store", "account"],
)
def test_what_a_serving_pod_is_made_from_makes_another_revision(changed: ModelDeployment) -> None:
    assert hash_of(changed) != hash_of(BASE)


def test_another_artifact_makes_another_revision_and_another_operator_none() -> None:
    artifact = RESULT.model_copy(update={"artifact": manifests.digest("e")})
    operator = Settings(operator_image="ghcr.io/trifocal/operator:9.9.9")
    assert hash_of(BASE, artifact) != hash_of(BASE)
    assert hash_of(BASE, settings=operator) == hash_of(BASE)


def test_equal_quantities_written_otherwise_make_no_other_revision() -> None:
    one = minimal(spec__serving__resources={"limits": {"memory": "1Gi", "cpu": "2"}})
    other = minimal(spec__serving__resources={"limits": {"memory": "1024Mi", "cpu": "2000m"}})
    assert hash_of(one) == hash_of(other)


def test_names_and_selectors_follow_from_the_hash() -> None:
    hashed = hash_of(BASE)
    made = deployment(BASE)
    assert made["metadata"]["name"] == f"digits-{hashed[:10]}"
    selector = made["spec"]["selector"]["matchLabels"]
    assert selector == revision_selector(BASE, hashed)
    assert selector.items() <= made["spec"]["template"]["metadata"]["labels"].items()
    assert serving_selector(BASE).items() < selector.items()
    assert selector[names.REVISION_LABEL] == hashed[:10]
    config = {v["configMap"]["name"] for v in pod(BASE)["volumes"] if "configMap" in v}
    assert config == {f"digits-{hashed[:10]}"}


@pytest.mark.parametrize(
    ("md", "files"),
    [
        (minimal(), {"config.pbtxt", "nginx.conf"}),
        (
            minimal(spec__serving__triton={"image": "example.com/triton:1", "backend": "python"}),
            {"config.pbtxt", "nginx.conf", "model.py"},
        ),
        (full(), {"config.pbtxt", "nginx.conf"}),
    ],
    ids=["onnxruntime", "python", "tensorrt"],
)
def test_every_file_that_a_pod_mounts_is_in_its_config_map(
    md: ModelDeployment, files: set[str]
) -> None:
    data = revision_config_map(md, hash_of(md), RESULT, image_of(md))["data"]
    mounted = {
        item["key"]
        for volume in pod(md)["volumes"]
        if "configMap" in volume
        for item in volume["configMap"]["items"]
    }
    assert set(data) == mounted == files


def test_the_artifact_is_fetched_by_digest_before_triton_starts() -> None:
    arguments = container(full(), "fetch")["args"]
    assert arguments[0] == "fetch"
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert options == {
        "--store": "s3://artifacts",
        "--credentials-dir": "/secrets/store",
        "--artifact": manifests.digest("f"),
        "--name": "digits",
        "--config": "/config",
        "--models": "/models",
    }


def test_a_store_on_a_claim_is_mounted_read_only() -> None:
    mounts = container(minimal(), "fetch")["volumeMounts"]
    (store,) = [m for m in mounts if m["mountPath"] == "/store"]
    assert store["readOnly"] is True


def test_no_rollout_of_a_deployment_takes_a_pod_away_before_its_successor_is_ready() -> None:
    assert deployment(BASE)["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }


def test_the_pause_before_sigterm_outlasts_the_oldest_connection() -> None:
    """GRPC adds a tenth of jitter to the age; endpoints need a moment to lose the pod."""
    hook = container(BASE, "triton")["lifecycle"]["preStop"]
    assert hook == {"sleep": {"seconds": PRE_STOP_SECONDS}}
    assert 1.1 * MAX_CONNECTION_AGE_SECONDS + 3 < PRE_STOP_SECONDS


def test_triton_has_time_to_end_its_requests_before_it_is_killed() -> None:
    grace = pod(BASE)["terminationGracePeriodSeconds"]
    assert grace == TERMINATION_GRACE_SECONDS
    assert grace > PRE_STOP_SECONDS + EXIT_TIMEOUT_SECONDS


def test_the_front_starts_before_triton_and_ends_after_it() -> None:
    names_in_order = [c["name"] for c in pod(BASE)["initContainers"]]
    assert names_in_order == ["fetch", "front"]
    assert container(BASE, "front")["restartPolicy"] == "Always"


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes_come_the_way_that_clients_come(probe: str) -> None:
    (port,) = container(BASE, "front")["ports"]
    assert container(BASE, "triton")[probe]["httpGet"]["port"] == port["containerPort"] == 8000


def test_ready_means_that_the_model_answers_and_live_only_that_the_server_does() -> None:
    triton = container(BASE, "triton")
    assert triton["readinessProbe"]["httpGet"]["path"] == "/v2/models/digits/ready"
    assert triton["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"


def test_a_pod_that_loads_for_long_is_not_killed_before_the_rollout_is_given_up() -> None:
    probe = container(BASE, "triton")["startupProbe"]
    patience = probe["failureThreshold"] * probe["periodSeconds"]
    assert 600 <= patience < deployment(BASE)["spec"]["progressDeadlineSeconds"]


def test_without_an_accelerator_a_pod_goes_anywhere_and_gets_no_device() -> None:
    assert "nodeSelector" not in pod(BASE)
    assert "tolerations" not in pod(BASE)
    assert container(BASE, "triton")["resources"] == {}


def test_an_accelerator_is_requested_on_nodes_of_its_product_in_spite_of_their_taint() -> None:
    spec = pod(full())
    assert container(full(), "triton")["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert spec["tolerations"] == [
        {"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"}
    ]


def test_spreading_is_wished_for_and_never_a_reason_to_stay_pending() -> None:
    constraints = pod(BASE)["topologySpreadConstraints"]
    assert {c["whenUnsatisfiable"] for c in constraints} == {"ScheduleAnyway"}


def test_replicas_are_those_that_were_ordered_zero_included() -> None:
    assert deployment(BASE, replicas=0)["spec"]["replicas"] == 0


def test_a_failed_optimization_has_no_revision() -> None:
    failed = RESULT.model_copy(update={"artifact": None})
    with pytest.raises(ValueError, match="nothing to serve"):
        hash_of(BASE, failed)


@pytest.mark.parametrize("md", [minimal(), full()], ids=["minimal", "full"])
def test_building_changes_nothing_that_was_given_and_is_repeatable(md: ModelDeployment) -> None:
    before = copy.deepcopy((md, RESULT))
    first = deployment(md)["spec"]["template"]["spec"]
    # A reader that changes what it got must not change what the next one gets.
    first["containers"][0]["args"].append("--changed")
    first["initContainers"][0]["resources"]["limits"].clear()
    again = deployment(md)["spec"]["template"]["spec"]
    assert (md, RESULT) == before
    assert "--changed" not in again["containers"][0]["args"]
    assert again["initContainers"][0]["resources"]["limits"]
