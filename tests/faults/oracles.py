"""What must be true of every run, whatever happened in it. Each oracle is a pure function.

An oracle returns sentences about what was wrong; none means that it has nothing to say. They know
the rules of the Kubernetes API and of the documents, not the operator's code.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.faults.comparable import DIRECT, differences
from tests.faults.evidence import Evidence, owner_uid, request_of
from tests.faults.history import Change
from trifocal.api import names

Violations = Iterator[str]
Oracle = Callable[[Evidence], Violations]

_REASON = re.compile(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
"""metav1.Condition's own pattern."""
HOT_LOOP_WINDOW_SECONDS = 5.0
HOT_LOOP_FAILURES = 8
"""Failed writes of one object within the window. With waits drawn up to 1, 2, 4, 4, ... s, seven of
them take 12.6 s on average and 5 s is three standard deviations below."""


def comes_to_rest(run: Evidence) -> Violations:
    """Eventually stable: what was asked for last is what is reported, and nothing moves."""
    if run.unrest:
        yield f"it never came to rest: {run.unrest}"
        return
    live = run.live_at(run.changes[-1].version).get(("ModelDeployment", run.name))
    if live is None:
        yield "the ModelDeployment is not there"
        return
    status, generation = live.get("status", {}), live["metadata"]["generation"]
    if status.get("observedGeneration") != generation:
        yield f"generation {generation} was never observed: {status.get('observedGeneration')}"
    truths = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
    if not truths & {"Ready", "Stalled"}:
        yield f"at rest, and neither Ready nor Stalled: {status.get('conditions')}"


def rests_without_a_write(run: Evidence) -> Violations:
    """Nothing to do means no write but the lease's."""
    counted = Counter(f"{w.verb} {w.resource}/{w.name}" for w in run.writes_at_rest)
    for what, times in counted.items():
        yield f"at rest: {times} x {what}"


def ends_as_if_applied_afresh(run: Evidence) -> Violations:
    """Path independence: how a spec was come by shows nowhere in the children."""
    yield from differences(dict(run.children), dict(run.fresh))


def makes_nothing_twice(run: Evidence) -> Violations:
    """Nothing is made, deleted and made again for one generation of the spec."""
    made: dict[tuple[str, str], int] = {}
    deleted: dict[tuple[str, str], int] = {}
    for change in run.of(*DIRECT):
        key = change.kind, change.name
        _, generation, _ = run.spec_at(change.version)
        if change.type == "DELETED":
            may_return = not run.is_own(change) or _has_failed(change.obj)
            if not may_return and made.get(key) == generation:
                deleted[key] = generation
        elif change.type == "ADDED":
            made[key] = generation
            if run.is_own(change) and deleted.pop(key, None) == generation:
                yield f"{change.kind} {change.name} was deleted and made again"


def one_job_per_request(run: Evidence) -> Violations:
    """GPU hours are never spent twice: one Job for a request, and none once it has a result."""
    at_work: dict[tuple[str | None, str], str] = {}
    answered: set[tuple[str | None, str]] = set()
    for change in run.of("Job", "ConfigMap"):
        work = owner_uid(change.obj), request_of(change.obj)
        is_result = "result.json" in (change.obj.get("data") or {})
        if change.kind == "ConfigMap" and is_result:
            (answered.discard if change.type == "DELETED" else answered.add)(work)
        if change.kind != "Job":
            continue
        if change.type == "DELETED":
            at_work.pop(work, None)
        elif change.type == "ADDED":
            if other := at_work.get(work):
                yield f"Job {change.name} was made beside {other} for the same request"
            if work in answered:
                yield f"Job {change.name} was made although its result is recorded"
            at_work[work] = change.name


def keeps_serving(run: Evidence) -> Violations:
    """The operator never takes the traffic or the pods from the revision that has the traffic."""
    for change in run.of("Service", "Deployment"):
        if run.is_own(change):
            yield from _traffic_moved(run, change)
            yield from _serving_taken(run, change)


def _traffic_moved(run: Evidence, change: Change) -> Violations:
    if change.kind != "Service" or change.type != "MODIFIED":
        return
    before = run.live_at(change.version, before=True)
    was, now = (_selected(o) for o in (before.get(("Service", change.name)), change.obj))
    if was != now and _ready(before, was) > 0 and _ready(before, now) == 0:
        yield f"traffic moved from {was}, which served, to {now}, of which no pod is ready"


def _serving_taken(run: Evidence, change: Change) -> Violations:
    if change.kind != "Deployment":
        return
    live = run.live_at(change.version, before=True)
    uid, _, spec = run.spec_at(change.version)
    revision = change.obj["metadata"]["labels"][names.REVISION_LABEL]
    is_serving = _selected(live.get(("Service", run.name))) == revision
    if not is_serving or owner_uid(change.obj) != uid or _bounds(spec)[1] == 0:
        return
    is_without = change.type == "DELETED" or change.obj["spec"]["replicas"] == 0
    # Of several GPU products one may run none, as long as another one does.
    if is_without and not _is_elsewhere(live, revision, change.name):
        yield f"revision {revision} has the traffic and lost its pods"


def _is_elsewhere(live: Mapping[tuple[str, str], Any], revision: str, name: str) -> bool:
    return any(
        kind == "Deployment"
        and other != name
        and obj["metadata"]["labels"].get(names.REVISION_LABEL) == revision
        and obj["spec"]["replicas"] > 0
        for (kind, other), obj in live.items()
    )


def _selected(service: Mapping[str, Any] | None) -> str:
    selector = (service or {}).get("spec", {}).get("selector") or {}
    return str(selector.get(names.REVISION_LABEL, ""))


def _ready(live: Mapping[tuple[str, str], Any], revision: str) -> int:
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
        for (kind, _), pod in live.items()
        if kind == "Pod"
        and pod["metadata"]["labels"].get(names.REVISION_LABEL) == revision
        and pod["status"].get("conditions")
    )


def replicas_within_bounds(run: Evidence) -> Violations:
    """No Deployment is given more pods than the spec ever asked for, nor fewer than none."""
    for write in run.writes:
        if write.kind == "Deployment" and write.succeeded and write.version:
            asked = {
                most
                for version, _, _, spec in run.generations()
                if version <= write.version
                for _, most in [_bounds(spec)]
            }
            given = write.body.get("spec", {}).get("replicas", 1)
            if not 0 <= given <= max(asked, default=0):
                yield f"Deployment {write.name} was given {given} pods; asked for: {sorted(asked)}"


def _bounds(spec: Mapping[str, Any]) -> tuple[int, int]:
    """The fewest and the most pods that are asked for; what scales has a range."""
    if scaling := spec.get("scaling"):
        return scaling["minReplicas"], scaling["maxReplicas"]
    fixed = spec.get("replicas", 1)
    return fixed, fixed


def writes_only_what_is_ours(run: Evidence) -> Violations:
    """Every write is to a new object, or to one whose controller it names itself, by uid."""
    for write in run.writes:
        if write.kind in DIRECT and write.succeeded and write.version:
            before = run.live_at(write.version, before=True).get((write.kind, write.name))
            if before is not None and not _may_write(before, owner_uid(write.body)):
                yield f"{write.kind} {write.name} belongs to another and was written"


def _may_write(live: Mapping[str, Any], uid: str | None) -> bool:
    """Ours, or an orphan that carries our labels."""
    owner = owner_uid(live)
    labels = live["metadata"].get("labels") or {}
    return owner == uid if owner else names.MANAGED_BY_LABEL in labels


def deletes_by_uid(run: Evidence) -> Violations:
    """A deletion names the uid that it means: a namesake made since survives."""
    for write in run.writes:
        if write.method == "DELETE" and not write.body.get("preconditions", {}).get("uid"):
            yield f"{write.kind} {write.name} was deleted by name alone"


def ready_is_true(run: Evidence) -> Violations:
    """Ready=True speaks about the generation it names, and that generation is served."""
    for change in run.of("ModelDeployment"):
        status = change.obj.get("status", {})
        generation = change.obj["metadata"]["generation"]
        seen = status.get("observedGeneration", 0)
        if seen > generation:
            yield f"generation {seen} was observed before there was one"
        ready = _condition(status, "Ready")
        if ready is None or ready["status"] != "True":
            continue
        if ready["observedGeneration"] != seen:
            yield f"Ready is True for {ready['observedGeneration']}, observed is {seen}"
        if run.is_own(change) and seen == generation:
            yield from _served_as_asked(run, change)


def _served_as_asked(run: Evidence, change: Change) -> Violations:
    """What the operator itself decides: how many pods the revision with the traffic asks for."""
    spec = change.obj["spec"]
    least, most = _bounds(spec)
    if spec.get("suspend") or most == 0:
        return
    live = run.live_at(change.version)
    revision = _selected(live.get(("Service", run.name)))
    deployment = live.get(("Deployment", names.revision(run.name, revision)))
    if deployment is None or not _is_last_by_operator(run, deployment):
        return
    if not least <= deployment["spec"]["replicas"] <= most:
        yield (
            f"Ready is True for generation {change.obj['metadata']['generation']} with "
            f"{deployment['spec']['replicas']} pods where {least} to {most} were asked for"
        )


def _is_last_by_operator(run: Evidence, deployment: Mapping[str, Any]) -> bool:
    """Whether nobody else has changed its spec since: what another did may not be seen yet."""
    made = deployment["metadata"]["generation"]
    changes = (c for c in run.of("Deployment") if c.uid == deployment["metadata"]["uid"])
    first = next((c for c in changes if c.obj["metadata"]["generation"] == made), None)
    return first is not None and run.is_own(first)


def status_follows_children(run: Evidence) -> Violations:
    """The first status of a generation is written when its children are, not before.

    Only where nothing else has happened since the spec changed: what others do may be answered
    after a status that could not know of it.
    """
    is_undisturbed, told, asked = False, False, 0
    for change in run.changes:
        if change.kind == "ModelDeployment":
            generation = change.obj["metadata"]["generation"]
            is_undisturbed = is_undisturbed or generation != asked
            asked = generation
            told = change.obj.get("status", {}).get("observedGeneration", 0) == generation
        elif not run.is_own(change) or change.type == "DELETED":
            is_undisturbed = False
        elif is_undisturbed and told and change.kind in DIRECT and not _was_refused(run, change):
            yield f"{change.kind} {change.name} was written after the status that tells of it"


def _was_refused(run: Evidence, change: Change) -> bool:
    """Whether it could not be written at first: then the status told of that."""
    same = (w for w in run.writes if (w.kind, w.name) == (change.kind, change.name))
    return not all(write.succeeded for write in same)


def conditions_are_clean(run: Evidence) -> Violations:
    """Reasons, types and times of conditions are as the API conventions say, in every state."""
    states: dict[str, list[Change]] = defaultdict(list)
    for change in run.of("ModelDeployment"):
        states[change.uid].append(change)
        yield from _well_formed(change.obj.get("status", {}))
    for changes in states.values():
        for before, after in pairwise(c.obj.get("status", {}) for c in changes):
            yield from _succession(before, after)


def _well_formed(status: Mapping[str, Any]) -> Violations:
    conditions = status.get("conditions", ())
    types = [c["type"] for c in conditions]
    if len(types) != len(set(types)):
        yield f"condition types are not unique: {types}"
    for condition in conditions:
        if not _REASON.match(condition["reason"]):
            yield f"{condition['type']} has the reason {condition['reason']!r}"
        if condition["type"] in ("Reconciling", "Stalled") and condition["status"] != "True":
            yield f"{condition['type']} is there and {condition['status']} (kstatus: abnormal-true)"


def _succession(before: Mapping[str, Any], after: Mapping[str, Any]) -> Violations:
    if after.get("observedGeneration", 0) < before.get("observedGeneration", 0):
        yield "observedGeneration went back"
    for condition in after.get("conditions", ()):
        was = _condition(before, condition["type"])
        if was is None:
            continue
        has_moved = was["lastTransitionTime"] != condition["lastTransitionTime"]
        if has_moved and was["status"] == condition["status"]:
            yield f"{condition['type']}: lastTransitionTime changed and status did not"


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((c for c in status.get("conditions", ()) if c["type"] == kind), None)


def writes_as_trifocal(run: Evidence) -> Violations:
    """Every write has our field manager; the user's object is written by its status alone."""
    for write in run.writes:
        if write.method in ("PATCH", "POST", "PUT") and write.manager != "trifocal":
            yield f"{write.kind} {write.name} was written as {write.manager!r}"
        if write.kind == "ModelDeployment" and write.subresource != "status":
            yield f"{write.method} of the user's own object"


def children_are_owned(run: Evidence) -> Violations:
    """Everything that is made names its ModelDeployment, by uid, as controller.

    One that has been deleted since the pass began is named, too: the garbage collector knows.
    """
    for change in run.of(*DIRECT):
        if change.type == "ADDED" and run.is_own(change):
            owners = {uid for version, uid, _, _ in run.generations() if version < change.version}
            if owner_uid(change.obj) not in owners:
                yield f"{change.kind} {change.name} was made without its owner"


def no_hot_loop(run: Evidence) -> Violations:
    """What is refused is not asked again and again."""
    failed: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for write in run.writes:
        if write.status >= 400:
            failed[write.kind, write.name, write.subresource].append(write.at)
    for (kind, name, _), times in failed.items():
        for first, last in zip(times, times[HOT_LOOP_FAILURES - 1 :], strict=False):
            if last - first < HOT_LOOP_WINDOW_SECONDS:
                yield f"{kind} {name} failed {HOT_LOOP_FAILURES} times in {last - first:.1f} s"
                break


def log_has_no_exception(run: Evidence) -> Violations:
    """No pass ended in an exception that nobody had expected, and no task died."""
    for record in run.log:
        event = str(record.get("event", ""))
        ends = "cannot go on" in event and not run.restarts_excused
        if ends or "unexpectedly" in event or "never retrieved" in event or "unreadable" in record:
            yield f"the log says: {event} {record.get('exception', record.get('unreadable', ''))}"


def _has_failed(obj: Mapping[str, Any]) -> bool:
    conditions = obj.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Failed" and c["status"] == "True" for c in conditions)


ORACLES: Mapping[str, Oracle] = {
    oracle.__name__: oracle
    for oracle in (
        comes_to_rest,
        rests_without_a_write,
        ends_as_if_applied_afresh,
        makes_nothing_twice,
        one_job_per_request,
        keeps_serving,
        replicas_within_bounds,
        writes_only_what_is_ours,
        deletes_by_uid,
        ready_is_true,
        status_follows_children,
        conditions_are_clean,
        writes_as_trifocal,
        children_are_owned,
        no_hot_loop,
        log_has_no_exception,
    )
}


def judge(run: Evidence) -> dict[str, list[str]]:
    """What each oracle has to say; oracles that have nothing to say are left out."""
    said = {name: list(dict.fromkeys(oracle(run))) for name, oracle in ORACLES.items()}
    return {name: violations for name, violations in said.items() if violations}
