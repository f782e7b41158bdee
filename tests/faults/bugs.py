"""Seeded bugs: what the harness must catch. Each replaces one attribute of the operator's code.

A bug is what somebody could write by mistake: the shortcut beside the careful line. The operator
itself knows nothing of them; `launcher` puts one in before it starts the operator.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from trifocal.kube.kinds import kind_named
from trifocal.reconcile.drift import APPLIED_ANNOTATION

Replace = Callable[[Any], Any]
"""From what is there to what is put in its place."""


class Bug:
    """One seeded bug."""

    def __init__(self, what: str, where: str, put: Replace, *, caught_by: str, needs: str) -> None:
        """Describe it.

        Args:
            what: the mistake, in a sentence.
            where: dotted name of the attribute, as `module:attribute.attribute`.
            put: makes the wrong thing from the right one.
            caught_by: the oracle that has to find it.
            needs: the scenario that brings it out.
        """
        self.what = what
        self.where = where
        self.caught_by = caught_by
        self.needs = needs
        self._put = put

    def seed(self) -> None:
        """Put it into this process."""
        replace_attribute(self.where, self._put)


def replace_attribute(where: str, put: Replace) -> None:
    """Replace what `module:attribute.attribute` names by what `put` makes of it."""
    module, _, path = where.partition(":")
    *parents, last = path.split(".")
    holder: Any = import_module(module)
    for name in parents:
        holder = getattr(holder, name)
    setattr(holder, last, put(getattr(holder, last)))


def _owner_by_name(_: Any) -> Any:
    def is_owned(child: Mapping[str, Any], _uid: str) -> bool:
        owners = child["metadata"].get("ownerReferences") or ()
        return any(owner["kind"] == "ModelDeployment" for owner in owners)

    return is_owned


def _random_name(name: Any) -> Any:
    return lambda md, digest: f"{name(md, digest)[:-4]}{secrets.token_hex(2)}"


def _only_our_hash(_: Any) -> Any:
    def has_drifted(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
        key = APPLIED_ANNOTATION
        return live is None or (
            wanted["metadata"]["annotations"][key] != live["metadata"]["annotations"].get(key)
        )

    return has_drifted


def _status_first(right: Any) -> Any:
    async def on_pass(self: Any, body: Any, md: Any, now: Any) -> Any:
        observed = self._look(md)
        early = self._with.policy.plan(md, observed, now)
        status = self._with.policy.status(md, observed, early, now)
        await self._publisher.publish(body, status, at_once=True)
        return await right(self, self._with.cache.get("ModelDeployment", *md.key), md, now)

    return on_pass


def _twice(right: Any) -> Any:
    return lambda *given: 2 * right(*given)


def _without_precondition(_: Any) -> Any:
    async def delete(self: Any, kind: str, namespace: str, name: str, *, uid: str) -> None:
        del uid
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        await self._send(("delete", kind_named(kind).path(namespace, name)), body=body)

    return delete


def _nothing(_: Any) -> Any:
    return lambda *_args, **_named: None


def _early_generation(right: Any) -> Any:
    async def on_pass(self: Any, body: Any, md: Any, now: Any) -> Any:
        stored, generation = body.get("status") or {}, md.metadata.generation
        if "conditions" in stored and stored["observedGeneration"] != generation:
            seen = [{**c, "observedGeneration": generation} for c in stored["conditions"]]
            early = {**stored, "observedGeneration": generation, "conditions": seen}
            await self._publisher.publish(body, early, at_once=True)
            body = self._with.cache.get("ModelDeployment", *md.key)
            md = self._with.policy.parse(body)
        return await right(self, body, md, now)

    return on_pass


def _anonymous(_: Any) -> Any:
    return "python-client"


def _always_now(_: Any) -> Any:
    return lambda conditions, _stored: tuple(conditions)


def _budget_without_owner(right: Any) -> Any:
    def pod_disruption_budget(md: Any) -> dict[str, Any]:
        made = dict(right(md))
        metadata = {k: v for k, v in made["metadata"].items() if k != "ownerReferences"}
        return {**made, "metadata": metadata}

    return pod_disruption_budget


def _without_wait(_: Any) -> Any:
    def retry(self: Any, key: Any, **_limits: Any) -> float:
        self.add_after(key, 0.05)
        self._finish(key)
        return 0.0

    return retry


def _without_retry(_: Any) -> Any:
    def retry(self: Any, key: Any, **_limits: Any) -> float:
        self._finish(key)
        return 0.0

    return retry


def _memory_only(right: Any) -> Any:
    return lambda jobs, pods, _config_maps: right(jobs, pods, ())


def _no_pod_needed(_: Any) -> Any:
    return lambda _serving, _desired: 0


def _proven_when_made(_: Any) -> Any:
    return lambda rollout: (
        replace(rollout, selected=rollout.wanted.hash) if rollout.wanted else rollout
    )


def _only_the_wanted(_: Any) -> Any:
    return lambda rollout, _now: frozenset({rollout.wanted.hash} if rollout.wanted else ())


def _always(_: Any) -> Any:
    return lambda *_given: True


def _trusting_reader(right: Any) -> Any:
    def messages(pod: Mapping[str, Any]) -> Any:
        if pod["status"]["phase"] == "Failed":
            return [pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]]
        return right(pod)

    return messages


BUGS: Mapping[str, Bug] = {
    "owner-by-name": Bug(
        "an owner is compared by kind and name, not by uid",
        "trifocal.reconcile.apply:is_owned",
        _owner_by_name,
        caught_by="writes_only_what_is_ours",
        needs="recreated",
    ),
    "takes-names-over": Bug(
        "another's object with a child's name is taken over",
        "trifocal.reconcile.apply:_check_ownership",
        _nothing,
        caught_by="writes_only_what_is_ours",
        needs="name-taken",
    ),
    "random-job-name": Bug(
        "the Job's name ends in a random number",
        "trifocal.api.names:optimization",
        _random_name,
        caught_by="one_job_per_request",
        needs="created",
    ),
    "result-only-in-pod": Bug(
        "the recorded result is not read, only the pod's last words",
        "trifocal.reconcile.observe:_results",
        _memory_only,
        caught_by="one_job_per_request",
        needs="reverted",
    ),
    "drift-unseen": Bug(
        "only our own last apply is compared, never the live fields",
        "trifocal.reconcile.plan:has_drifted",
        _only_our_hash,
        caught_by="ends_as_if_applied_afresh",
        needs="drifted",
    ),
    "status-first": Bug(
        "the status is written before the children",
        "trifocal.reconcile.reconciler:Reconciler._pass",
        _status_first,
        caught_by="status_follows_children",
        needs="created",
    ),
    "replicas-twice": Bug(
        "two places add up the replicas",
        "trifocal.reconcile.assessment:wanted_size",
        _twice,
        caught_by="replicas_within_bounds",
        needs="created",
    ),
    "delete-by-name": Bug(
        "deletions carry no uid",
        "trifocal.kube.cluster:Cluster.delete",
        _without_precondition,
        caught_by="deletes_by_uid",
        needs="reverted",
    ),
    "ghosts": Bug(
        "what vanished in a gap of the watch stays in the cache",
        "trifocal.kube.resync:Sweeper.listed",
        _nothing,
        caught_by="ends_as_if_applied_afresh",
        needs="gap",
    ),
    "generation-early": Bug(
        "observedGeneration is written when a change is seen, not when it is done",
        "trifocal.reconcile.reconciler:Reconciler._pass",
        _early_generation,
        caught_by="ready_is_true",
        needs="reverted",
    ),
    "wrong-manager": Bug(
        "writes carry the library's field manager",
        "trifocal.kube.cluster:FIELD_MANAGER",
        _anonymous,
        caught_by="writes_as_trifocal",
        needs="created",
    ),
    "times-always-new": Bug(
        "lastTransitionTime is always now",
        "trifocal.reconcile.conditions:carry_transition_times",
        _always_now,
        caught_by="conditions_are_clean",
        needs="created",
    ),
    "child-without-owner": Bug(
        "a child has no owner reference",
        "trifocal.resources.disruption:pod_disruption_budget",
        _budget_without_owner,
        caught_by="children_are_owned",
        needs="created",
    ),
    "no-back-off": Bug(
        "what the API server refuses is tried again at once",
        "trifocal.reconcile.queue:WorkQueue.retry",
        _without_wait,
        caught_by="no_hot_loop",
        needs="refused",
    ),
    "no-retry": Bug(
        "a pass that failed is not made again",
        "trifocal.reconcile.queue:WorkQueue.retry",
        _without_retry,
        caught_by="comes_to_rest",
        needs="refused",
    ),
    "switch-unproven": Bug(
        "traffic moves as soon as the new revision exists",
        "trifocal.reconcile.rollout:_moved",
        _proven_when_made,
        caught_by="keeps_serving",
        needs="reverted",
    ),
    "old-revision-first": Bug(
        "the old revision is deleted when a new one is wanted",
        "trifocal.reconcile.pruning:_kept_revisions",
        _only_the_wanted,
        caught_by="keeps_serving",
        needs="reverted",
    ),
    "always-writes": Bug(
        "children are applied in every pass, changed or not",
        "trifocal.reconcile.plan:has_drifted",
        _always,
        caught_by="rests_without_a_write",
        needs="created",
    ),
    "evicted-pod-crashes": Bug(
        "an evicted pod is taken to have a container's last words",
        "trifocal.reconcile.observe:_termination_messages",
        _trusting_reader,
        caught_by="log_has_no_exception",
        needs="evicted",
    ),
}
"""By name; `needs` names a scenario of `tests.faults.scenarios`, `caught_by` an oracle."""
