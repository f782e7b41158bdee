"""The rest of a cluster, on a real API server: Job, Deployment, scheduler, kubelet, GC and nodes.

Nothing moves but in `step`, so what a run does is decided by its seed. Everything is named and
decided without chance or clock; times are the only thing that two runs differ in.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from tests.faults.client import Client, Manifest
from tests.support import results
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult
from trifocal.resources.optimization_job import CONTAINER

SUCCEEDS, HANGS, REFUSED, INTERRUPTED, EVICTED = (
    "succeeds",
    "hangs",
    "refused",
    "interrupted",
    "evicted",
)
OUTCOMES = (SUCCEEDS, HANGS, REFUSED, INTERRUPTED, EVICTED)
"""What becomes of an optimization Job. `evicted`: its first pod is, the second one succeeds."""
_DEPENDENTS = (
    "ConfigMap",
    "Job",
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Service",
    "PodDisruptionBudget",
    "NetworkPolicy",
)


class Controllers:
    """Everything in one namespace that is neither the user nor the operator."""

    def __init__(self, client: Client, namespace: str) -> None:
        """Two nodes, and Jobs that succeed."""
        self.outcome = SUCCEEDS
        self.nodes = ["node-1", "node-2"]
        self.collects_garbage = True
        self._client = client
        self._namespace = namespace
        self._changed = False

    def step(self) -> bool:
        """Every controller acts once; whether any of them had something to do."""
        self._changed = False
        if self.collects_garbage:
            self._collect()
        pods = self._client.list("Pod", self._namespace)
        for job in self._client.list("Job", self._namespace):
            self._work(job, _owned(pods, job))
        sets = self._client.list("ReplicaSet", self._namespace)
        for deployment in self._client.list("Deployment", self._namespace):
            self._deploy(deployment, _owned(sets, deployment), pods)
        for pod in pods:
            self._run(pod)
        return self._changed

    def lose_node(self) -> None:
        """The first node goes with its pods, and comes back empty when the next one goes."""
        lost = self.nodes[0]
        for pod in self._client.list("Pod", self._namespace):
            if pod["spec"].get("nodeName") == lost:
                self._client.delete(pod)
        self.nodes = [*self.nodes[1:], lost]

    # The garbage collector

    def _collect(self) -> None:
        found = [o for kind in _DEPENDENTS for o in self._client.list(kind, self._namespace)]
        owners = [*self._client.list("ModelDeployment", self._namespace), *found]
        alive = {owner["metadata"]["uid"] for owner in owners}
        for obj in found:
            references = obj["metadata"].get("ownerReferences") or ()
            if references and not any(r["uid"] in alive for r in references):
                self._delete(obj)

    # Jobs

    def _work(self, job: Manifest, pods: list[Manifest]) -> None:
        if job.get("status", {}).get("conditions") or "deletionTimestamp" in job["metadata"]:
            return
        running = [p for p in pods if p["status"]["phase"] not in ("Failed", "Succeeded")]
        if not running:
            self._start(job, f"{job['metadata']['name']}-{len(pods)}")
        elif running[-1]["status"]["phase"] == "Running" and self.outcome != HANGS:
            self._end(job, running[-1], attempt=len(pods))

    def _end(self, job: Manifest, pod: Manifest, *, attempt: int) -> None:
        if self.outcome == EVICTED and attempt == 1:
            words = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on disk."}
            self._status(pod, words)
            return
        result = _result(job, self.outcome)
        failed = result.failure is not None
        ended = {"exitCode": 42 if failed else 0, "message": result.model_dump_json(by_alias=True)}
        self._status(
            pod,
            {
                "phase": "Failed" if failed else "Succeeded",
                "containerStatuses": [_container(CONTAINER, {"terminated": ended})],
            },
        )
        self._status(job, _ended_job(failed=failed))

    # Deployments

    def _deploy(self, deployment: Manifest, sets: list[Manifest], pods: list[Manifest]) -> None:
        if "deletionTimestamp" in deployment["metadata"]:
            return
        if not sets:
            self._make_set(deployment)
            return
        mine = _owned(pods, sets[0])
        wanted = deployment["spec"]["replicas"]
        taken = {pod["metadata"]["name"] for pod in mine}
        free = (f"{sets[0]['metadata']['name']}-{n}" for n in range(99))
        free = (name for name in free if name not in taken)
        for _ in range(wanted - len(mine)):
            self._start(sets[0], next(free))
        for pod in sorted(mine, key=lambda p: str(p["metadata"]["name"]))[wanted:]:
            self._delete(pod)
        ready = sum(_is_ready(pod) for pod in mine[:wanted])
        self._status(deployment, _deployment_status(deployment, len(mine), ready))

    def _make_set(self, deployment: Manifest) -> None:
        spec = deployment["spec"]
        self._create(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": _metadata(deployment, deployment["metadata"]["name"] + "-rs")
                | {"labels": spec["template"]["metadata"]["labels"]},
                "spec": {
                    "replicas": spec["replicas"],
                    "selector": spec["selector"],
                    "template": spec["template"],
                },
            }
        )

    # The scheduler and the kubelet

    def _start(self, owner: Manifest, name: str) -> None:
        template = owner["spec"]["template"]
        metadata = {**template["metadata"], **_metadata(owner, name)}
        spec = {**template["spec"], "nodeName": self.nodes[0]}
        self._create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def _run(self, pod: Manifest) -> None:
        """A pod that was made in an earlier step starts; a serving one is ready at once."""
        if pod["status"].get("phase") != "Pending":
            return
        status: Manifest = {"phase": "Running"}
        if pod["metadata"]["labels"].get(names.COMPONENT_LABEL) == "serving":
            # TEST-NET-1 (RFC 5737): nobody answers there, and nothing is asked.
            status |= {"podIP": "192.0.2.1", "podIPs": [{"ip": "192.0.2.1"}]}
            status |= {"conditions": [_condition("Ready")]}
        self._status(pod, status)

    # Writing

    def _create(self, manifest: Manifest) -> None:
        self._changed = True
        self._client.create(manifest)

    def _delete(self, obj: Manifest) -> None:
        self._changed = True
        self._client.delete(obj)

    def _status(self, obj: Manifest, status: Manifest) -> None:
        """Write what differs; the API server leaves a number of zero out."""
        stored = obj.get("status", {})
        if any(stored.get(key, 0) != value for key, value in status.items()):
            self._changed = True
            self._client.merge(obj, {"status": status}, subresource="/status")


def _owned(objects: list[Manifest], owner: Manifest) -> list[Manifest]:
    uid = owner["metadata"]["uid"]
    return [
        o
        for o in objects
        if any(r["uid"] == uid for r in o["metadata"].get("ownerReferences") or ())
    ]


def _metadata(owner: Manifest, name: str) -> Manifest:
    reference = {key: owner["metadata"][key] for key in ("name", "uid")}
    reference |= {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
    return {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [reference],
    }


def _result(job: Manifest, outcome: str) -> OptimizationResult:
    """What the Job finds: the same request brings the same artifact."""
    digest = job["metadata"]["annotations"][names.REQUEST_ANNOTATION]
    if outcome == REFUSED:
        found = results.refused()
    elif outcome == INTERRUPTED:
        found = results.interrupted()
    else:
        artifact = hashlib.sha256(digest.encode()).hexdigest()
        found = results.artifact().model_copy(
            # Without a recorded answer a pod has proved itself by being ready.
            update={"artifact": f"sha256:{artifact}", "smoke": None}
        )
    return found.model_copy(update={"request": digest})


def _ended_job(*, failed: bool) -> Manifest:
    first, then = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
    status: dict[str, Any] = {
        "startTime": _now(),
        "uncountedTerminatedPods": {},
        "conditions": [_condition(first), _condition(then)],
    }
    return status | ({"failed": 1} if failed else {"succeeded": 1, "completionTime": _now()})


def _deployment_status(deployment: Manifest, pods: int, ready: int) -> Manifest:
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": pods,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": pods,
    }


def _is_ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _container(name: str, state: Manifest) -> Manifest:
    return {
        "name": name,
        "image": name,
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": state,
    }


def _condition(kind: str) -> Manifest:
    return {"type": kind, "status": "True", "lastTransitionTime": _now()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
