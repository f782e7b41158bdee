"""Pods that cannot run: the reason, and the scheduler's or kubelet's own words.

The statuses are what a kubelet and scheduler of Kubernetes 1.36 write.
"""

from typing import Any

import pytest

from trifocal.api.condition import Reason
from trifocal.reconcile.pod_trouble import first_trouble, pod_trouble, refused_pods


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p-1", "uid": "u-1"}, "spec": {}, "status": status}


def container(state: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"name": "triton", "image": "reg/triton:1", "ready": False, "state": state, **rest}


def waiting(reason: str, message: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def event(reason: str, message: str, uid: str = "u-1") -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"uid": uid}}


NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
NO_CLAIM = '0/1 nodes are available: persistentvolumeclaim "data" not found.'


def unscheduled(message: str) -> dict[str, Any]:
    return {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
            }
        ],
    }


TROUBLES: list[tuple[str, dict[str, Any], Reason, str]] = [
    ("no node", unscheduled(NO_GPU), Reason.UNSCHEDULABLE, NO_GPU),
    ("no claim", unscheduled(NO_CLAIM), Reason.CLAIM_MISSING, "PersistentVolumeClaim data does"),
    (
        "no image",
        {
            "containerStatuses": [
                container(waiting("ImagePullBackOff", 'Back-off pulling image "reg/triton:1"'))
            ]
        },
        Reason.IMAGE_PULL_FAILED,
        'Image reg/triton:1 cannot be pulled: Back-off pulling image "reg/triton:1".',
    ),
    (
        "no program",
        {
            "containerStatuses": [
                container(waiting("RunContainerError", 'exec: "tritonserver": not found in $PATH'))
            ]
        },
        Reason.CRASHING,
        'Container triton of pod p-1 cannot start: exec: "tritonserver": not found in $PATH.',
    ),
    (
        "no secret for a variable",
        {
            "containerStatuses": [
                container(waiting("CreateContainerConfigError", 'secret "keys" not found'))
            ]
        },
        Reason.SECRET_MISSING,
        "Secret keys does not exist in this namespace; create it",
    ),
    (
        "crash loop",
        {
            "containerStatuses": [
                container(
                    waiting("CrashLoopBackOff", "back-off 10s"),
                    restartCount=3,
                    lastState={"terminated": {"exitCode": 1, "message": "no such model\n"}},
                )
            ]
        },
        Reason.CRASHING,
        "ended with exit code 1 (starts that failed: 4). Its last words: no such model.",
    ),
    (
        "killed for memory and started again",
        {
            "containerStatuses": [
                container(
                    {"running": {}},
                    restartCount=1,
                    lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                )
            ]
        },
        Reason.CRASHING,
        "used more memory than its limit (starts that failed: 1).",
    ),
    (
        "fetch told why",
        {
            "initContainerStatuses": [
                {
                    "name": "fetch",
                    "state": {
                        "terminated": {
                            "exitCode": 42,
                            "message": '{"reason": "DigestMismatch", "message": "model is bad"}',
                        }
                    },
                }
            ]
        },
        Reason.DIGEST_MISMATCH,
        "Pod p-1 cannot fetch the artifact: model is bad.",
    ),
    (
        "fetch said something",
        {
            "initContainerStatuses": [
                {
                    "name": "fetch",
                    "state": {"terminated": {"exitCode": 1, "message": "connection refused"}},
                }
            ]
        },
        Reason.ARTIFACT_UNREADABLE,
        "Pod p-1 cannot fetch the artifact: connection refused.",
    ),
    (
        "fetch said nothing",
        {"initContainerStatuses": [{"name": "fetch", "state": {"terminated": {"exitCode": 9}}}]},
        Reason.ARTIFACT_UNREADABLE,
        "Pod p-1 cannot fetch the artifact: ended with exit code 9.",
    ),
    (
        "evicted",
        {
            "phase": "Failed",
            "reason": "Evicted",
            "message": "The node was low on resource: memory.",
        },
        Reason.CRASHING,
        "The kubelet ended pod p-1 (Evicted): The node was low on resource: memory.",
    ),
    (
        "device gone",
        {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no device"},
        Reason.POD_REFUSED,
        "The kubelet ended pod p-1 (UnexpectedAdmissionError): no device.",
    ),
]


@pytest.mark.parametrize(
    ("status", "reason", "words"), [t[1:] for t in TROUBLES], ids=[t[0] for t in TROUBLES]
)
def test_trouble_has_its_reason_and_words(
    status: dict[str, Any], reason: Reason, words: str
) -> None:
    trouble = pod_trouble(pod(**status), ())
    assert trouble is not None
    assert trouble.reason is reason
    assert words in trouble.message
    assert trouble.message.endswith(".")


MOUNT = 'MountVolume.SetUp failed for volume "credentials" : secret "absent" not found'


def test_a_missing_secret_is_named_by_the_mount_that_fails() -> None:
    starting = pod(containerStatuses=[container(waiting("ContainerCreating", ""))])
    trouble = pod_trouble(starting, (event("FailedMount", MOUNT),))
    assert trouble is not None
    assert trouble.reason is Reason.SECRET_MISSING
    assert trouble.message.startswith("Secret absent does not exist in this namespace")


def test_an_event_outlives_its_cause_and_is_not_believed_then() -> None:
    running = pod(containerStatuses=[container({"running": {}})])
    assert pod_trouble(running, (event("FailedMount", MOUNT),)) is None


def test_another_pods_event_is_not_this_pods_trouble() -> None:
    starting = pod(containerStatuses=[container(waiting("ContainerCreating", ""))])
    assert pod_trouble(starting, (event("FailedMount", MOUNT, uid="u-2"),)) is None


def test_a_ready_pod_that_crashed_once_is_in_no_trouble() -> None:
    recovered = pod(
        conditions=[{"type": "Ready", "status": "True"}],
        containerStatuses=[
            container({"running": {}}, lastState={"terminated": {"exitCode": 1}}) | {"ready": True}
        ],
    )
    assert pod_trouble(recovered, ()) is None


def test_a_leaving_pod_is_in_no_trouble() -> None:
    leaving = pod(**unscheduled(NO_GPU))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_trouble(leaving, ()) is None


def test_living_pods_are_asked_before_finished_ones() -> None:
    finished = pod(phase="Failed", reason="Evicted", message="disk.")
    living = pod(**unscheduled(NO_GPU))
    living["metadata"] = {"name": "p-2", "uid": "u-2"}
    found = first_trouble((finished, living), ())
    assert found is not None
    assert found.reason is Reason.UNSCHEDULABLE


def test_a_long_message_is_quoted_from_its_end() -> None:
    trouble = pod_trouble(pod(**unscheduled("x" * 2000 + "the end.")), ())
    assert trouble is not None
    assert len(trouble.message) < 700
    assert trouble.message.endswith("the end.")


def test_a_quota_that_is_exceeded_is_told_in_the_api_servers_words() -> None:
    said = 'pods "d-1" is forbidden: exceeded quota: gpus'
    owner = {
        "metadata": {"name": "d", "uid": "d"},
        "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": said}]},
    }
    trouble = refused_pods((owner,), ())
    assert trouble is not None
    assert trouble.reason is Reason.POD_REFUSED
    assert trouble.message == f"The API server does not admit the pod: {said}."


def test_a_missing_service_account_is_named_by_the_jobs_event() -> None:
    said = 'Error creating: error looking up service account ns/x: serviceaccount "x" not found'
    owner = {"metadata": {"name": "j", "uid": "j"}}
    trouble = refused_pods((owner,), (event("FailedCreate", said, uid="j"),))
    assert trouble is not None
    assert trouble.reason is Reason.SERVICE_ACCOUNT_MISSING
