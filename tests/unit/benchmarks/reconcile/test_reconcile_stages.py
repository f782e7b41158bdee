"""KWOK's stages: what they say must be what the operator reads."""

import json
import re

from benchmarks.reconcile import objects, stages

from tests.support.manifests import digest
from trifocal.api import manifest, names
from trifocal.optimizer.contract import OptimizationResult
from trifocal.resources.optimization_job import build_request, optimization_job
from trifocal.settings import Settings

MD = manifest.parse(
    {
        **objects.model_deployment("team-0", "model"),
        "metadata": {"namespace": "team-0", "name": "model", "uid": "u", "generation": 1},
    }
)


def _template(name: str) -> str:
    found = next(s for s in stages.stages() if s["metadata"]["name"] == name)
    template: str = found["spec"]["next"]["statusTemplate"]
    return template


def test_the_message_is_the_result_of_the_pods_own_request() -> None:
    found = re.search(
        r"printf `(.*?)` \(index .metadata.annotations \"(.*?)\"\)", _template("job-ends")
    )
    assert found is not None
    message = found[1].replace("%s", digest("a"))
    assert found[1].count("%") == 1
    assert found[2] == names.REQUEST_ANNOTATION
    assert OptimizationResult.model_validate_json(message).request == digest("a")


def test_the_operator_writes_the_request_on_the_jobs_pod() -> None:
    request = build_request(MD, Settings())
    pod = optimization_job(MD, request, Settings())["spec"]["template"]["metadata"]
    assert pod["annotations"][names.REQUEST_ANNOTATION] == request.digest()
    assert pod["labels"][names.COMPONENT_LABEL] == "optimization"


def test_only_serving_pods_have_an_address() -> None:
    assert "podIP:" in _template("pod-serves")
    assert "podIP:" not in _template("job-runs") + _template("job-ends")


def test_every_document_is_one_stage() -> None:
    kinds = [json.loads(each)["kind"] for each in stages.documents().split("\n---\n")]
    assert kinds == ["Stage"] * len(stages.stages())
