"""What a pass sees: children by ownership, results that answer their request, and few questions."""

import json
from typing import Any

import pytest

from tests.support.fake_kube import FakeKube
from tests.support.fake_time import FakeTime
from tests.support.manifests import changed, digest, minimal
from trifocal.api import manifest as manifests
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.kube.cache import Cache
from trifocal.reconcile.observe import MAX_SUBJECTS, Inquiry, children, references, subjects
from trifocal.reconcile.observed import Observed

REQUEST = digest("1")


def model_deployment() -> ModelDeployment:
    body = minimal()
    body["metadata"] |= {"uid": "md", "generation": 1}
    return manifests.parse(body)


def obj(kind: str, name: str, owner: str | None = "md", **fields: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "namespace": "default",
        "name": name,
        "uid": f"{kind}-{name}",
        "resourceVersion": "1",
        "creationTimestamp": fields.pop("created", "2026-01-01T00:00:00Z"),
    }
    if owner is not None:
        metadata["ownerReferences"] = [{"kind": "X", "name": "x", "uid": owner}]
    if request := fields.pop("request", None):
        metadata["annotations"] = {"trifocal.dev/request": request}
    return {"kind": kind, "metadata": metadata, **fields}


def cached(*objects: dict[str, Any]) -> Cache:
    cache = Cache()
    for each in objects:
        cache.upsert(each["kind"], each)
    return cache


def result(request: str = REQUEST, artifact: str = "a") -> str:
    return json.dumps({"request": request, "artifact": digest(artifact), "chosen": "fp32"})


def ended(message: str) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"terminated": {"message": message, "exitCode": 0}}}]}


def test_pods_are_found_through_their_job_or_deployment() -> None:
    cache = cached(
        obj("Job", "j"),
        obj("Deployment", "d"),
        obj("ReplicaSet", "r", "Deployment-d"),
        obj("Pod", "of-job", "Job-j"),
        obj("Pod", "of-deployment", "ReplicaSet-r"),
        obj("Pod", "strangers", "another"),
    )
    observed = children(cache, model_deployment())
    assert [p["metadata"]["name"] for p in observed.pods] == ["of-job", "of-deployment"]
    assert len(observed.replica_sets) == 1


def test_placeholders_are_no_pods_and_nothing_is_asked_about_one_that_waits() -> None:
    kept = obj("Deployment", "digits-headroom")
    kept["metadata"]["labels"] = {"app.kubernetes.io/component": "headroom"}
    cache = cached(
        kept,
        obj("ReplicaSet", "h", "Deployment-digits-headroom"),
        obj("Pod", "waits", "ReplicaSet-h", status={"phase": "Pending"}),
        obj("Deployment", "d"),
    )
    observed = children(cache, model_deployment())
    names = [each["metadata"]["name"] for each in (*observed.deployments, *observed.headroom)]
    assert names == ["d", "digits-headroom"]
    assert (observed.pods, observed.replica_sets, subjects(observed)) == ((), (), ())


def test_a_namesakes_children_are_not_seen() -> None:
    cache = cached(obj("Service", "digits", "predecessor"), obj("Job", "j", None))
    observed = children(cache, model_deployment())
    assert (observed.services, observed.jobs) == ((), ())


def test_a_finished_jobs_last_words_are_its_result() -> None:
    cache = cached(
        obj("Job", "j", request=REQUEST), obj("Pod", "p", "Job-j", status=ended(result()))
    )
    assert children(cache, model_deployment()).results[REQUEST].chosen == "fp32"


def test_the_kept_result_wins_over_a_pods_words() -> None:
    cache = cached(
        obj("Job", "j", request=REQUEST),
        obj("Pod", "p", "Job-j", status=ended(result(artifact="b"))),
        obj("ConfigMap", "c", request=REQUEST, data={"result.json": result(artifact="c")}),
    )
    assert children(cache, model_deployment()).results[REQUEST].artifact == digest("c")


def test_the_last_attempts_words_win() -> None:
    cache = cached(
        obj("Job", "j", request=REQUEST),
        obj(
            *("Pod", "z-first", "Job-j"),
            status=ended(result(artifact="b")),
            created="2026-01-01T00:00:00Z",
        ),
        obj(
            *("Pod", "a-last", "Job-j"),
            status=ended(result(artifact="c")),
            created="2026-01-01T00:05:00Z",
        ),
    )
    assert children(cache, model_deployment()).results[REQUEST].artifact == digest("c")


@pytest.mark.parametrize(
    "text", ["", "OOMKilled", "{", '{"request": "sha256:x"}', result(digest("2"))]
)
def test_words_that_are_no_result_of_this_request_are_none(text: str) -> None:
    cache = cached(
        obj("Job", "j", request=REQUEST),
        obj("Pod", "p", "Job-j", status=ended(text)),
        obj("ConfigMap", "c", request=REQUEST, data={"result.json": text}),
    )
    assert children(cache, model_deployment()).results == {}


def test_references_are_the_claims_and_the_service_account_each_once() -> None:
    assert references(model_deployment()) == (
        ("PersistentVolumeClaim", "models"),
        ("PersistentVolumeClaim", "artifacts"),
        ("ServiceAccount", "default"),
    )


def pod(name: str, *, ready: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return obj("Pod", name, "ReplicaSet-r", status={"conditions": conditions})


class Asked:
    """An inquiry with its server and time."""

    def __init__(self) -> None:
        self.kube, self.time = FakeKube(), FakeTime()
        self.inquiry = Inquiry(self.kube, self.time.now)

    async def __call__(self, **observed: Any) -> Observed:
        return await self.inquiry.ask(model_deployment(), Observed(**observed))


async def test_before_anything_is_started_missing_references_are_looked_for() -> None:
    ask = Asked()
    ask.kube.put(obj("ServiceAccount", "default", None))
    seen = await ask()
    assert seen.missing_references == (
        ("PersistentVolumeClaim", "models"),
        ("PersistentVolumeClaim", "artifacts"),
    )


@pytest.mark.parametrize(
    "field",
    [
        "model.source",
        "optimization.distillation.teacher",
        "optimization.datasets.training",
        "optimization.datasets.calibration",
        "optimization.datasets.evaluation",
        "optimization.datasets.unlabelled",
        "artifacts",
    ],
)
def test_every_claim_of_the_spec_is_looked_for(field: str) -> None:
    place = {"uri": "file:///bytes", "claimName": "its-own"}
    if field != "artifacts":
        place["digest"] = digest("9")
    body = changed(minimal(), f"spec.{field}", place)
    body["metadata"] |= {"uid": "md", "generation": 1}
    assert ("PersistentVolumeClaim", "its-own") in references(manifests.parse(body))


async def test_while_all_is_well_nothing_is_asked() -> None:
    ask = Asked()
    await ask(deployments=(obj("Deployment", "d"),), pods=(pod("p", ready=True),))
    assert ask.kube.reads == []


async def test_a_waiting_pods_warnings_are_read_oldest_first() -> None:
    ask = Asked()
    ask.kube.put({**obj("Event", "late", None), "lastTimestamp": "2026-01-01T00:09:00Z"})
    ask.kube.put({**obj("Event", "early", None), "lastTimestamp": "2026-01-01T00:01:00Z"})
    seen = await ask(deployments=(obj("Deployment", "d"),), pods=(pod("p"),))
    assert [e["metadata"]["name"] for e in seen.events] == ["early", "late"]
    assert ask.kube.selectors == ["involvedObject.uid=Pod-p,type=Warning"]


async def test_a_job_without_a_pod_is_asked_about() -> None:
    ask = Asked()
    await ask(jobs=(obj("Job", "j"),))
    assert ask.kube.selectors == ["involvedObject.uid=Job-j,type=Warning"]


async def test_of_many_waiting_pods_few_are_asked_about() -> None:
    ask = Asked()
    await ask(
        deployments=(obj("Deployment", "d"),), pods=tuple(pod(f"p{number}") for number in range(50))
    )
    assert len(ask.kube.reads) == MAX_SUBJECTS


async def test_an_answer_holds_for_some_seconds_and_longer_while_it_stays_the_same() -> None:
    ask = Asked()
    asked_at = []
    for second in range(180):
        before = len(ask.kube.reads)
        await ask(deployments=(obj("Deployment", "d"),), pods=(pod("p"),))
        if len(ask.kube.reads) > before:
            asked_at.append(second)
        ask.time.pass_by(1)
    # 5 s, then doubled up to a minute.
    assert asked_at == [0, 5, 15, 35, 75, 135]


async def test_a_new_waiting_pod_is_asked_about_at_once() -> None:
    ask = Asked()
    deployments = (obj("Deployment", "d"),)
    await ask(deployments=deployments, pods=(pod("p"),))
    await ask(deployments=deployments, pods=(pod("p"), pod("q")))
    assert len(ask.kube.reads) == 3
