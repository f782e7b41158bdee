"""The optimization Job: what it gets, when it is retried, and what outlives it."""

import copy
import json
from typing import Any

import pytest

from tests.support import manifests
from tests.unit.resources.deployments import RESULT, SETTINGS, full, minimal, stored
from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult
from trifocal.resources.optimization_job import (
    build_request,
    optimization_job,
    request_config_map,
    result_config_map,
)
from trifocal.settings import Settings


def job(md: ModelDeployment) -> dict[str, Any]:
    return optimization_job(md, build_request(md, SETTINGS), SETTINGS)


def container(md: ModelDeployment) -> dict[str, Any]:
    only: dict[str, Any]
    (only,) = job(md)["spec"]["template"]["spec"]["containers"]
    return only


def test_the_request_holds_the_spec_with_places_inside_the_container() -> None:
    request = build_request(full(), SETTINGS)
    assert request.source.uri == "s3://models/digits.safetensors"
    assert request.source.endpoint == "https://minio.storage.svc:9000"
    assert request.source.credentials_dir == "/secrets/source"
    assert request.calibration
    assert request.calibration.credentials_dir == "/secrets/calibration"
    assert request.evaluation.uri == "file:///sources/evaluation/data/evaluation.zip"
    assert request.evaluation.credentials_dir is None
    assert request.teacher
    assert request.teacher.uri == "https://models.example.com/teacher.onnx"
    assert request.training
    assert request.training.credentials_dir == "/secrets/training"
    assert request.unlabelled
    assert request.unlabelled.uri == "file:///sources/unlabelled/data/yesterday.zip"
    assert request.store.uri == "s3://artifacts"
    assert request.origins == {"training": "line 3", "evaluation": "line 7"}
    assert request.precisions == ("int8", "fp32")
    assert request.served.runtime == "tensorrt"


def test_what_the_spec_leaves_out_the_job_does_not_get() -> None:
    request = build_request(minimal(), SETTINGS)
    assert (request.teacher, request.training, request.unlabelled) == (None, None, None)
    assert request.origins == {}
    mounted = {m["mountPath"] for m in container(minimal())["volumeMounts"]}
    assert {path for path in mounted if path.startswith("/sources/")} == {
        "/sources/source",
        "/sources/evaluation",
    }


def test_every_claim_and_secret_of_the_spec_is_mounted_for_reading() -> None:
    mounted = {
        m["mountPath"] for m in container(full())["volumeMounts"] if m.get("readOnly", False)
    }
    assert {"/sources/evaluation", "/sources/unlabelled"} <= mounted
    assert {path.removeprefix("/secrets/") for path in mounted if path.startswith("/secrets/")} == {
        "source",
        "training",
        "calibration",
        "store",
    }


def test_an_engine_is_built_on_the_product_that_serves_it() -> None:
    pod = job(full())["spec"]["template"]["spec"]
    assert build_request(full(), SETTINGS).gpu_product == "NVIDIA-L4"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert pod["tolerations"] == [
        {"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"}
    ]


def test_a_job_takes_no_gpu_that_it_does_not_compute_on() -> None:
    md = minimal(spec__serving__accelerator={"product": "NVIDIA-L4"})
    assert build_request(md, SETTINGS).gpu_product is None
    assert "nodeSelector" not in job(md)["spec"]["template"]["spec"]
    assert "nvidia.com/gpu" not in container(md)["resources"].get("limits", {})


EVALUATION = manifests.minimal()["spec"]["optimization"]["datasets"]["evaluation"]


@pytest.mark.parametrize(
    "change",
    [
        {"spec__model__source__uri": "file:///moved.onnx"},
        {"spec__artifacts__uri": "file:///elsewhere"},
        {"spec__optimization__job__scratchSize": "8Gi"},
        {"spec__optimization__datasets__evaluation__uri": "file:///moved.tar"},
        {"spec__scaling": {"maxReplicas": 2, "objective": {"latency": {"maxMilliseconds": 9}}}},
        {"metadata__name": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_cannot_change_the_result_does_not_change_the_digest(change: dict[str, Any]) -> None:
    assert build_request(minimal(**change), SETTINGS).digest() == (
        build_request(minimal(), SETTINGS).digest()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"spec__model__source__digest": manifests.digest("0")},
        {"spec__optimization__datasets__evaluation__digest": manifests.digest("0")},
        {"spec__optimization__datasets__evaluation__origin": "line 7"},
        {"spec__optimization__datasets__unlabelled": EVALUATION},
        {"spec__optimization__datasets__training": {**EVALUATION, "digest": manifests.digest("0")}},
        {"spec__optimization__distillation__teacher": EVALUATION},
        {"spec__optimization__targets": [{"runtime": "onnxruntime"}, {"runtime": "litert"}]},
        {"spec__optimization__search": "grid"},
        {"spec__optimization__fineTuning": {"seed": 1}},
        {"spec__optimization__gate__agreement__minimum": 0.9},
        {"spec__optimization__prefer": "cost"},
        {"spec__serving__batching__maxBatchSize": 16},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_can_change_the_result_changes_the_digest(change: dict[str, Any]) -> None:
    assert build_request(minimal(**change), SETTINGS).digest() != (
        build_request(minimal(), SETTINGS).digest()
    )


def test_the_threads_of_the_gate_are_those_of_the_serving_pods() -> None:
    md = minimal(spec__serving__resources={"limits": {"cpu": "4"}}, spec__serving__instances=2)
    assert build_request(md, SETTINGS).threads == 2


def test_the_config_map_gives_the_same_request_back() -> None:
    request = build_request(full(), SETTINGS)
    config_map = request_config_map(full(), request)
    assert config_map["immutable"] is True
    read = OptimizationRequest.model_validate_json(config_map["data"]["request.json"])
    assert read == request


def test_job_and_request_are_named_by_the_requests_hash_and_annotated_with_all_of_it() -> None:
    request = build_request(minimal(), SETTINGS)
    digest = request.digest()
    for child in (job(minimal()), request_config_map(minimal(), request)):
        assert child["metadata"]["name"] == f"digits-opt-{digest[7:17]}"
        assert child["metadata"]["annotations"][names.REQUEST_ANNOTATION] == digest


def test_a_refusal_is_not_retried_a_disruption_is_not_counted_and_the_rest_is_retried() -> None:
    spec = job(minimal())["spec"]
    refused, disrupted = spec["podFailurePolicy"]["rules"]
    assert refused == {
        "action": "FailJob",
        "onExitCodes": {"containerName": "optimizer", "operator": "In", "values": [42]},
    }
    assert disrupted["action"] == "Ignore"
    assert disrupted["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert spec["backoffLimit"] == 3
    # A pod failure policy needs it.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_finished_job_stays_until_the_operator_has_read_it() -> None:
    assert "ttlSecondsAfterFinished" not in job(minimal())["spec"]


def test_the_job_is_bounded_in_time_memory_and_disk() -> None:
    spec = job(full())["spec"]
    pod = spec["template"]["spec"]
    assert spec["activeDeadlineSeconds"] == 600
    limits = {"cpu": "2", "memory": "2Gi", "nvidia.com/gpu": "1"}
    assert container(full())["resources"]["limits"] == limits
    (scratch,) = [v for v in pod["volumes"] if v["name"] == "scratch"]
    assert scratch["emptyDir"] == {"sizeLimit": "2Gi"}


def test_libraries_write_only_where_the_disk_is_bounded() -> None:
    env = {entry["name"]: entry.get("value") for entry in container(minimal())["env"]}
    assert env["TMPDIR"] == env["HOME"] == "/scratch"


def test_the_store_is_the_only_tenant_data_that_can_be_written() -> None:
    mounts = container(minimal())["volumeMounts"]
    writable = {m["mountPath"] for m in mounts if not m.get("readOnly")}
    assert writable == {"/scratch", "/store"}


def test_the_result_is_recorded_beside_the_request_and_read_back_whole() -> None:
    digest = build_request(minimal(), SETTINGS).digest()
    config_map = result_config_map(minimal(), digest, RESULT)
    assert config_map["metadata"]["name"] == f"digits-opt-{digest[7:17]}-result"
    assert config_map["immutable"] is True
    assert OptimizationResult.model_validate_json(config_map["data"]["result.json"]) == RESULT


@pytest.mark.parametrize("md", [minimal(), full()], ids=["minimal", "full"])
def test_building_changes_nothing_that_was_given_and_is_repeatable(md: ModelDeployment) -> None:
    request = build_request(md, SETTINGS)
    before = copy.deepcopy((md, request))
    first = json.dumps([job(md), request_config_map(md, request)])
    assert (md, request) == before
    assert json.dumps([job(md), request_config_map(md, request)]) == first


def test_node_autoscalers_are_asked_to_let_the_work_end() -> None:
    """By the annotation that each of them documents, or by those that a cluster accepts."""

    def annotations(settings: Settings) -> dict[str, str]:
        md = minimal()
        made = optimization_job(md, build_request(md, settings), settings)
        found: dict[str, str] = made["spec"]["template"]["metadata"]["annotations"]
        return {name: text for name, text in found.items() if name != names.REQUEST_ANNOTATION}

    assert annotations(SETTINGS) == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }
    assert annotations(SETTINGS.model_copy(update={"optimizer_annotations": {}})) == {}


def test_a_queue_is_a_label_and_kueue_suspends_the_job_itself() -> None:
    # https://kueue.sigs.k8s.io/docs/tasks/run/jobs/
    made = job(full())
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "vision"
    assert "suspend" not in made["spec"]
    assert "kueue.x-k8s.io/queue-name" not in job(minimal())["metadata"]["labels"]


def test_the_queue_is_no_part_of_what_is_computed() -> None:
    elsewhere = stored(
        manifests.changed(manifests.full(), "spec.optimization.job.queue", "another")
    )
    assert build_request(elsewhere, SETTINGS).digest() == build_request(full(), SETTINGS).digest()
