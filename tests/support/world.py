"""A cluster in memory, pure and without a clock: API server, controllers, scheduler and kubelet.

Enough of each for plans to be carried out against it. It moves only in `tick`, and it fails the
test at once when an invariant is broken that no cluster would forgive.
"""

import copy
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.manifests import Manifest, minimal
from trifocal.api import manifest as manifests
from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.children import is_finished, is_headroom, is_ready
from trifocal.reconcile.observed import Observed, SmokeOutcome
from trifocal.reconcile.plan import Plan, plan
from trifocal.reconcile.status import status
from trifocal.resources.placement import PRODUCT_NODE_LABEL
from trifocal.settings import Settings

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=5)
GRACE = timedelta(seconds=10)
"""From a pod's deletion to its end."""
REST = timedelta(seconds=90)
"""Longer than any hold but the patience with GPU products (`accelerator_patience_seconds`): after
this much quiet, nothing will happen any more."""
UID = "11111111-1111-1111-1111-111111111111"
RESULT_KEY = "result.json"

Digest = str
Optimizer = Callable[[Digest, Manifest], OptimizationResult | None]
"""What the Job for a request finds; None while it works."""
Behaviour = Callable[[Manifest], str]
"""How a serving pod behaves: good, differs, crash or slow, from its spec."""


class Crash(Exception):  # noqa: N818 - the operator's process died; nothing is in error
    """The operator was killed before this write."""


@dataclass
class World:
    """One namespace with one ModelDeployment, and the operator's memory."""

    body: Manifest
    optimizer: Optimizer
    behaviour: Behaviour = lambda _pod_spec: "good"
    gpus: int | None = None
    """Accelerators of the one node; None for as many as are asked for."""
    products: Mapping[str, int] | None = None
    """Accelerators by product, each product on a node of its own; then `gpus` means nothing."""
    now: datetime = START
    settings: Settings = field(default_factory=Settings)
    objects: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    smoke: SmokeOutcome | None = None
    decision: ScaleDecision | None = None
    """The scaler's last word."""
    made: list[tuple[str, str]] = field(default_factory=list)
    """(kind, name) of each object that an apply created, in order."""
    writes: int = 0
    proved: set[str] = field(default_factory=set)
    """Revisions of which a pod has given the recorded answers."""
    moves: list[tuple[str, str]] = field(default_factory=list)
    """Where the traffic went, from and to."""
    _asked: dict[Digest, Manifest] = field(default_factory=dict)
    """The object as it was when the Job for a request was made."""
    _parsed: tuple[Manifest, ModelDeployment] | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    # The user

    @property
    def md(self) -> ModelDeployment:
        """The object as the operator parses it."""
        if self._parsed is None or self._parsed[0] is not self.body:
            self._parsed = self.body, manifests.parse(self.body)
        return self._parsed[1]

    def edit(self, change: Callable[[Manifest], Manifest]) -> None:
        """Change the spec."""
        changed = change(self.body)
        if changed["spec"] != self.body["spec"]:
            generation = self.body["metadata"]["generation"] + 1
            metadata = {**changed["metadata"], "generation": generation}
            self.body = {**changed, "metadata": metadata}

    # The operator

    def look(self) -> Observed:
        """What a pass observes."""
        kinds: dict[str, tuple[Manifest, ...]] = {}
        for (kind, _), obj in sorted(self.objects.items()):
            kinds[kind] = (*kinds.get(kind, ()), obj)
        return Observed(
            jobs=kinds.get("Job", ()),
            config_maps=kinds.get("ConfigMap", ()),
            deployments=tuple(d for d in kinds.get("Deployment", ()) if not is_headroom(d)),
            headroom=tuple(d for d in kinds.get("Deployment", ()) if is_headroom(d)),
            pods=tuple(
                pod for pod in kinds.get("Pod", ()) if self._is_owned(pod) and not is_headroom(pod)
            ),
            services=kinds.get("Service", ()),
            pod_disruption_budgets=kinds.get("PodDisruptionBudget", ()),
            network_policies=kinds.get("NetworkPolicy", ()),
            results=dict(self._results()),
            smoke=self.smoke,
            decision=self.decision,
        )

    def reconcile(self, *, crash_before_write: int | None = None) -> Plan:
        """One pass, as the loop makes it; a crash loses what the operator remembers."""
        made = plan(self.md, self.look(), self.settings, self.now)
        try:
            self._carry_out(made, crash_before_write)
        except Crash:
            self.smoke = None
        return made

    def _carry_out(self, made: Plan, crash_before_write: int | None) -> None:
        writes = itertools.count()
        for manifest in made.apply:
            if next(writes) == crash_before_write:
                raise Crash
            self.apply(manifest)
        for deletion in made.delete:
            if next(writes) == crash_before_write:
                raise Crash
            live = self.objects.get((deletion.kind, deletion.name))
            assert live is None or live["metadata"]["uid"] == deletion.uid
            self.delete(deletion.kind, deletion.name)
        if made.smoke is not None:
            self._ask(made)
        if next(writes) == crash_before_write:
            raise Crash
        reported = status(self.md, self.look(), made, self.settings, self.now)
        if reported != self.body.get("status"):
            self.writes += 1
        self.body = {**self.body, "status": reported}

    def _ask(self, made: Plan) -> None:
        assert made.smoke is not None
        pods = {obj["metadata"]["uid"]: obj for (kind, _), obj in self.objects.items()}
        answers = {uid: self.behaviour(pods[uid]["spec"]) for uid, _ in made.smoke.pods}
        right = frozenset(uid for uid, answer in answers.items() if answer != "differs")
        before = self.smoke if self.smoke and self.smoke.revision == made.smoke.revision else None
        if right:
            self.proved.add(made.smoke.revision)
        self.smoke = SmokeOutcome(
            revision=made.smoke.revision,
            passed=len(right) == len(answers),
            differs=len(right) < len(answers),
            message="scores differ by 0.3",
            checked_pods=right | (before.checked_pods if before else frozenset()),
        )

    # The API server

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Server-side apply by the only manager of these fields."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        self.writes += 1
        live = self.objects.get((kind, name))
        wanted = copy.deepcopy(dict(manifest))
        if live is None:
            self.made.append((kind, name))
            wanted["metadata"] |= self._identity()
            wanted["status"] = {}
        else:
            assert kind != "Job", f"Job {name} was applied again"
            assert not live.get("immutable"), f"immutable ConfigMap {name} was applied again"
            wanted["metadata"] |= {
                key: live["metadata"][key] for key in ("uid", "creationTimestamp")
            }
            wanted["status"] = live["status"]
        if kind == "Job":
            self._asked[wanted["metadata"]["annotations"][names.REQUEST_ANNOTATION]] = self.body
        if kind == "Service":
            self._traffic_moves(live, wanted)
        if kind == "Deployment":
            is_same = live is None or live["spec"]["template"] == _template(wanted)
            assert is_same or is_headroom(wanted)
            wanted["spec"]["template"] = _template(wanted)
        self.objects[kind, name] = wanted

    def _traffic_moves(self, live: Manifest | None, wanted: Manifest) -> None:
        before = _selected(live) if live else "none"
        after = _selected(wanted)
        wanted["spec"]["clusterIP"] = "10.0.0.1"
        if before == after:
            return
        self.moves.append((before, after))
        assert after in self.proved, f"traffic moved to {after}, which has proved nothing"
        serving = self.ready(before)
        if serving:
            held = self.objects.get(("Deployment", names.revision(self.md.metadata.name, before)))
            held_replicas = held["spec"]["replicas"] if held else 0
            assert len(self.ready(after)) >= min(held_replicas, self._desired())

    def _desired(self) -> int:
        return int(self.md.spec.replicas)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object and, through the garbage collector, its pods."""
        live = self.objects.pop((kind, name), None)
        if live is None:
            return
        self.writes += 1
        for pod in self._pods_of(live):
            self._evict(pod)

    # The nodes

    def tick(self) -> None:
        """Time passes: every controller, the scheduler and the kubelet act once."""
        self.now += STEP
        for pod in list(self._of("Pod")):
            leaving = pod["metadata"].get("deletionTimestamp")
            if leaving and self.now - datetime.fromisoformat(leaving) >= GRACE:
                del self.objects["Pod", pod["metadata"]["name"]]
        for job in self._of("Job"):
            self._work(job)
        for deployment in self._of("Deployment"):
            self._scale(deployment)
        for pod in self._of("Pod"):
            self._run(pod)

    def ready(self, revision: str) -> list[Manifest]:
        """Ready pods of a revision."""
        return [
            pod
            for pod in self._of("Pod")
            if pod["metadata"]["labels"].get(names.REVISION_LABEL) == revision
            and "deletionTimestamp" not in pod["metadata"]
            and any(c["type"] == "Ready" and c["status"] == "True" for c in _conditions(pod))
        ]

    def selected(self) -> str:
        """The revision that the Service points at."""
        return _selected(self.objects["Service", self.md.metadata.name])

    def lose(self, product: str) -> None:
        """The machines with this product vanish, and the pods on them with the garbage."""
        self.products = {**(self.products or {}), product: 0}
        for pod in self._of("Pod"):
            if "nodeName" in pod["spec"] and _product(pod) == product:
                del self.objects["Pod", pod["metadata"]["name"]]

    def kill_pod(self, number: int) -> None:
        """Delete one of the pods."""
        pods = self._of("Pod")
        if pods:
            self._evict(pods[number % len(pods)])

    def settle(self, passes: int = 200) -> Plan:
        """Pass and tick until nothing has been wanted and nothing has moved for `REST`."""
        quiet = 0
        for _ in range(passes):
            before = json.dumps(list(self.objects.values()))
            made = self.reconcile()
            self.tick()
            wants = made.apply or made.delete or made.smoke
            after = json.dumps(list(self.objects.values()))
            quiet = 0 if wants or before != after else quiet + 1
            if quiet * STEP >= REST:
                return made
        raise AssertionError(f"no rest after {passes} passes; the last plan was {made}")

    def _work(self, job: Manifest) -> None:
        if _conditions(job):
            return
        if job["spec"].get("suspend"):
            for pod in self._pods_of(job):
                self._evict(pod)
            return
        if not self._pods_of(job):
            self._start(job, job["spec"]["template"], scheduled=True)
            return
        digest = job["metadata"]["annotations"][names.REQUEST_ANNOTATION]
        result = self.optimizer(digest, self._asked[digest])
        if result is None:
            return
        pod = self._pods_of(job)[-1]
        failed = result.failure is not None
        pod["status"] |= {
            "phase": "Failed" if failed else "Succeeded",
            "containerStatuses": [
                {
                    "name": "optimizer",
                    "state": {
                        "terminated": {
                            "exitCode": 42 if failed else 0,
                            "message": replace_request(result, digest),
                        }
                    },
                }
            ],
        }
        kind = "Failed" if failed else "Complete"
        job["status"]["conditions"] = [self._condition(kind, "True")]

    def _scale(self, deployment: Manifest) -> None:
        # A ReplicaSet deletes what has no node first, then what is not ready.
        pods = [p for p in self._pods_of(deployment) if not _leaves(p)]
        pods.sort(key=lambda pod: ("nodeName" not in pod["spec"], not is_ready(pod)))
        wanted = deployment["spec"]["replicas"]
        for pod in pods[wanted:]:
            self._evict(pod)
        for _ in range(wanted - len(pods)):
            self._start(deployment, deployment["spec"]["template"], scheduled=False)
        deployment["status"]["readyReplicas"] = sum(is_ready(pod) for pod in pods[:wanted])

    def _start(self, owner: Manifest, template: Manifest, *, scheduled: bool) -> None:
        number = next(self._numbers)
        name = f"{owner['metadata']['name']}-{number}"
        metadata = copy.deepcopy(template["metadata"]) | self._identity()
        metadata |= {
            "name": name,
            "ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}],
        }
        pod = {
            "kind": "Pod",
            "metadata": metadata,
            "spec": copy.deepcopy(template["spec"]),
            "status": {"phase": "Pending"},
        }
        if scheduled:
            pod["spec"]["nodeName"] = "node-1"
            pod["status"] = {"phase": "Running", "podIP": f"10.1.0.{number}"}
        self.objects["Pod", name] = pod

    def _run(self, pod: Manifest) -> None:
        works = pod["metadata"]["labels"][names.COMPONENT_LABEL] in {"serving", "headroom"}
        if not works or _leaves(pod):
            return
        if "nodeName" not in pod["spec"]:
            self._schedule(pod)
            return
        answer = "good" if is_headroom(pod) else self.behaviour(pod["spec"])
        if answer == "slow":
            return
        number = pod["metadata"]["uid"].partition("-")[2]
        crashes = answer == "crash"
        pod["status"] |= {
            "phase": "Running",
            "podIP": f"10.1.0.{number}",
            "conditions": [self._condition("Ready", str(not crashes), pod)],
        }
        if crashes:
            self._restart(pod)

    def _restart(self, pod: Manifest) -> None:
        """One more crash, up to five; then the back-off is long and nothing changes any more."""
        before = (pod["status"].get("containerStatuses") or [{}])[0].get("restartCount", -1)
        if before == 5:
            return
        ended = {"exitCode": 1, "message": "cannot load", "finishedAt": self.now.isoformat()}
        pod["status"]["containerStatuses"] = [
            {
                "name": "triton",
                "ready": False,
                "restartCount": before + 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": ended},
            }
        ]

    def _schedule(self, pod: Manifest) -> None:
        asked, product = _gpus(pod), _product(pod)
        there = self.gpus if self.products is None else self.products.get(product, 0)
        placed = [p for p in self._of("Pod") if "nodeName" in p["spec"] and not is_finished(p)]
        used = sum(_gpus(p) for p in placed if self.products is None or _product(p) == product)
        if there is not None and asked and used + asked > there:
            self._preempt(pod, placed)
            words = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
            pod["status"]["conditions"] = [
                self._condition("PodScheduled", "False", pod)
                | {"reason": "Unschedulable", "message": words}
            ]
            return
        pod["spec"]["nodeName"] = "node-1"
        pod["status"]["conditions"] = [self._condition("PodScheduled", "True", pod)]

    def _preempt(self, pod: Manifest, placed: list[Manifest]) -> None:
        """One placeholder makes way for a pod of the default priority, at once."""
        victim = next(filter(is_headroom, placed), None)
        if victim is not None and not is_headroom(pod):
            del self.objects["Pod", victim["metadata"]["name"]]

    def _evict(self, pod: Manifest) -> None:
        pod["metadata"].setdefault("deletionTimestamp", self.now.isoformat())

    def _condition(self, kind: str, value: str, obj: Manifest | None = None) -> Manifest:
        before = next((c for c in _conditions(obj or {}) if c["type"] == kind), None)
        since = before["lastTransitionTime"] if before and before["status"] == value else None
        return {
            "type": kind,
            "status": value,
            "lastTransitionTime": since or self.now.isoformat(),
        }

    def _identity(self) -> Manifest:
        return {
            "uid": f"uid-{next(self._numbers)}",
            "creationTimestamp": self.now.isoformat(),
        }

    def _of(self, kind: str) -> list[Manifest]:
        return [obj for (found, _), obj in sorted(self.objects.items()) if found == kind]

    def _pods_of(self, owner: Manifest) -> list[Manifest]:
        uid = owner["metadata"]["uid"]
        return [p for p in self._of("Pod") if p["metadata"]["ownerReferences"][0]["uid"] == uid]

    def _is_owned(self, pod: Manifest) -> bool:
        """Pods are found through their owner; one that outlives it is not seen."""
        owners = {obj["metadata"]["uid"] for obj in self.objects.values()}
        return pod["metadata"]["ownerReferences"][0]["uid"] in owners

    def _results(self) -> Iterator[tuple[str, OptimizationResult]]:
        for pod in filter(self._is_owned, self._of("Pod")):
            for found in pod["status"].get("containerStatuses", ()):
                ended = found["state"].get("terminated")
                if ended and found["name"] == "optimizer":
                    result = OptimizationResult.model_validate_json(ended["message"])
                    yield result.request, result
        for config_map in self._of("ConfigMap"):
            if text := config_map["data"].get(RESULT_KEY):
                result = OptimizationResult.model_validate_json(text)
                yield result.request, result


def world(optimizer: Optimizer, **rest: Any) -> World:
    """A world with the smallest ModelDeployment."""
    body = minimal()
    body["metadata"] |= {"uid": UID, "generation": 1}
    return World(body=body, optimizer=optimizer, **rest)


def replace_request(result: OptimizationResult, digest: str) -> str:
    """The result as the Job writes it."""
    return result.model_copy(update={"request": digest}).model_dump_json(by_alias=True)


def _template(deployment: Manifest) -> Manifest:
    """With what the API server adds, so that comparing must tolerate it."""
    template: dict[str, Any] = copy.deepcopy(deployment["spec"]["template"])
    template["spec"].setdefault("dnsPolicy", "ClusterFirst")
    template["spec"].setdefault("restartPolicy", "Always")
    return template


def _selected(service: Manifest) -> str:
    return str(service["spec"]["selector"][names.REVISION_LABEL])


def _conditions(obj: Manifest) -> list[Manifest]:
    found: list[Manifest] = obj.get("status", {}).get("conditions") or []
    return found


def _leaves(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _product(pod: Manifest) -> str:
    return str(pod["spec"].get("nodeSelector", {}).get(PRODUCT_NODE_LABEL, ""))


def _gpus(pod: Manifest) -> int:
    return sum(
        int(c.get("resources", {}).get("limits", {}).get("nvidia.com/gpu", 0))
        for c in pod["spec"]["containers"]
    )
