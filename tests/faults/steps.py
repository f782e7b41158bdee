"""The vocabulary of runs: what users, foreign managers, the cluster and misfortune may do.

A step is plain data, and every step may come at any time: one that has no sense then does nothing.
So any sequence is a run, and any part of one is, too: that is what shrinking needs.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any

from tests.faults.client import KINDS, Unexpected
from tests.faults.run import LULL_SECONDS, NAME, Run
from tests.support.fault_proxy import Fault, Rule, is_write

OUTAGE_SECONDS = 3.0
"""Long enough for a pass and a watch to fail more than once."""
REFUSAL_SECONDS = 6.0
"""Long enough to tell a back-off from a loop."""
SLOW_SECONDS = 1.0
EXPIRED: dict[str, Any] = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": 410,
        "reason": "Expired",
        "message": "too old resource version",
    },
}
_GONE_LINE = json.dumps(EXPIRED).encode() + b"\n"
_GARBLED_LINE = b'{"type":"MODIFIED","object":{"meta\n'


@dataclass(frozen=True)
class Step:
    """Something that happens, and to what or how much."""

    do: str
    arg: str = ""

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.do} {self.arg}".strip()


def parse(text: str) -> tuple[Step, ...]:
    """Steps from their text form, separated by semicolons."""
    return tuple(Step(*part.strip().split(" ", 1)) for part in text.split(";") if part.strip())


def take(run: Run, step: Step) -> None:
    """Let a step happen."""
    ACTIONS[step.do](run, step.arg)


# The user


def _wait(run: Run, arg: str) -> None:
    run.advance(int(arg))


def _rest(run: Run, _: str) -> None:
    run.rest()


def _edit(run: Run, arg: str) -> None:
    path, value = arg.split("=", 1)
    run.edit(path, json.loads(value))


def _apply_again(run: Run, _: str) -> None:
    run.apply()


def _revert(run: Run, _: str) -> None:
    if run.before:
        run.before, run.spec = [*run.before[:-1], run.spec], run.before[-1]
        run.apply()


def _invalid(run: Run, arg: str) -> None:
    """The API server has to refuse it; what serves is none the wiser."""
    path, value = arg.split("=", 1)
    spec, before = run.spec, run.before
    answer = 200
    try:
        run.edit(path, json.loads(value))
    except Unexpected as refused:
        answer = refused.status
    run.spec, run.before = spec, before
    assert answer == HTTPStatus.UNPROCESSABLE_ENTITY, f"{arg} was answered with {answer}"


def _recreate(run: Run, _: str) -> None:
    """Delete and make again at once; the operator sees both before the garbage is collected."""
    run.delete()
    run.apply()
    run.wait_for_lull(2 * LULL_SECONDS)


def _delete(run: Run, _: str) -> None:
    run.delete()


def _scale(run: Run, arg: str) -> None:
    """Scale by the subresource, as `kubectl scale` and an HPA do."""
    if live := run.live():
        path = f"{KINDS['ModelDeployment'].path(run.namespace, NAME)}/scale"
        metadata = {"name": NAME, "namespace": run.namespace, "uid": live["metadata"]["uid"]}
        run.client.must("PATCH", path, {"metadata": metadata, "spec": {"replicas": int(arg)}})
        run.before = [*run.before, run.spec]
        run.spec = {**run.spec, "replicas": int(arg)}


# Others


def _drift(run: Run, arg: str) -> None:
    kind, patch = _DRIFTS[arg]
    for obj in run.client.list(kind, run.namespace):
        if patch is None:
            run.client.delete(obj)
        else:
            run.client.merge(obj, patch)


_DRIFTS: Mapping[str, tuple[str, dict[str, Any] | None]] = {
    "budget": ("PodDisruptionBudget", {"spec": {"maxUnavailable": "100%"}}),
    "replicas": ("Deployment", {"spec": {"replicas": 5}}),
    "port": ("Service", {"spec": {"sessionAffinity": "ClientIP"}, "metadata": {"labels": None}}),
    "service": ("Service", None),
    "deployment": ("Deployment", None),
    "policy": ("NetworkPolicy", None),
    "job": ("Job", None),
    "pods": ("Pod", None),
}
"""What another manager changes, or deletes where there is no patch."""


def _foreign(run: Run, _: str) -> None:
    """Somebody else has a Service of this name already."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": run.namespace},
        # The name lets ours be added: the API server would refuse the takeover by chance.
        "spec": {"selector": {"app": "theirs"}, "ports": [{"name": "theirs", "port": 80}]},
    }
    run.client.call("POST", KINDS["Service"].path(run.namespace), manifest)


def _outcome(run: Run, arg: str) -> None:
    run.controllers.outcome = arg


def _lose_node(run: Run, _: str) -> None:
    run.controllers.lose_node()


# Misfortune with writes


def _at_write(run: Run, number: int, fault: Fault) -> Rule:
    """The fault for the n-th write to the run's namespace from now on, and only that one."""
    writes = count(1)

    def rule(method: str, path: str) -> Fault | None:
        is_ours = is_write(method, path) and f"/namespaces/{run.namespace}/" in path
        return fault if is_ours and next(writes) == number else None

    return rule


def _kill_before(run: Run, arg: str) -> None:
    run.session.proxy.rule = _at_write(run, int(arg), Fault(before=run.session.kill))


def _kill_after(run: Run, arg: str) -> None:
    run.session.proxy.rule = _at_write(run, int(arg), Fault(after=run.session.kill))


def _lose_answer(run: Run, arg: str) -> None:
    run.session.proxy.rule = _at_write(run, int(arg), Fault(loses_answer=True))


def _refuse(run: Run, arg: str) -> None:
    """Answer every write to the namespace so for a while: `refuse 422`."""
    fault = Fault(status=int(arg), headers={"Retry-After": "1"} if arg == "429" else {})

    def rule(method: str, path: str) -> Fault | None:
        is_ours = is_write(method, path) and f"/namespaces/{run.namespace}/" in path
        return fault if is_ours else None

    _for_a_while(run, rule, REFUSAL_SECONDS)


# Misfortune with everything but the lease, whose loss ends the leader by design


def _outage(run: Run, arg: str) -> None:
    """Every request fails: a status, `reset`, or `slow`."""
    if arg == "reset":
        fault = Fault(resets=True)
    elif arg == "slow":
        fault = Fault(delay_seconds=SLOW_SECONDS)
    else:
        fault = Fault(status=int(arg))
    run.session.proxy.end_watches("")
    _for_a_while(run, lambda _method, path: None if "/leases" in path else fault, OUTAGE_SECONDS)


def _for_a_while(run: Run, rule: Rule, seconds: float) -> None:
    run.session.proxy.rule = rule
    run.apply()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.1)
        run.session.keep_running()
    run.session.end_faults()


def _rotate(run: Run, _: str) -> None:
    run.session.rotate_token()


# Misfortune with watches


def _hold(run: Run, arg: str) -> None:
    run.session.proxy.hold_watches(arg)


def _release(run: Run, _: str) -> None:
    run.session.proxy.release_watches()


def _close(run: Run, arg: str) -> None:
    run.session.proxy.end_watches(arg)


def _garble(run: Run, arg: str) -> None:
    run.restarts_excused = True
    run.session.proxy.end_watches(arg, _GARBLED_LINE)


def _expire(run: Run, arg: str) -> None:
    run.session.proxy.end_watches(arg, _GONE_LINE)


def _expire_at_connect(run: Run, arg: str) -> None:
    answers = count()

    def rule(_method: str, path: str) -> Fault | None:
        return Fault(status=410) if path.endswith(arg) and next(answers) < 2 else None

    run.session.proxy.watch_rule = rule
    run.session.proxy.end_watches(arg)


def _gap(run: Run, arg: str) -> None:
    """Something vanishes while the watch is held, and the watch expires before it tells."""
    plural, drift = _GAPS[arg]
    run.session.proxy.hold_watches(plural)
    _drift(run, drift)
    run.session.proxy.end_watches(plural, _GONE_LINE)


_GAPS = {
    "service": ("services", "service"),
    "deployment": ("deployments", "deployment"),
    "pods": ("pods", "pods"),
}


def _travel(run: Run, _: str) -> None:
    """The next process reads lists as they were when the first one read them."""
    run.session.proxy.travel_in_time()
    run.session.kill()


# Misfortune of the operator itself


def _kill(run: Run, _: str) -> None:
    run.session.kill()


def _second_operator(run: Run, _: str) -> None:
    """Two leaders at once, by a lease of its own: as if each thought it had the one lease."""
    run.session.start("operator-b", namespace="kube-public")


def _steal_lease(run: Run, _: str) -> None:
    run.restarts_excused = True
    run.session.write_lease({"holderIdentity": "thief", "leaseDurationSeconds": 2})


def _set_clock(run: Run, arg: str) -> None:
    """The clock is set, so many seconds ahead of the right time, until the faults end."""
    run.session.set_clock(float(arg))


ACTIONS: Mapping[str, Callable[[Run, str], None]] = {
    "wait": _wait,
    "rest": _rest,
    "edit": _edit,
    "again": _apply_again,
    "revert": _revert,
    "invalid": _invalid,
    "recreate": _recreate,
    "delete": _delete,
    "scale": _scale,
    "drift": _drift,
    "foreign": _foreign,
    "outcome": _outcome,
    "lose-node": _lose_node,
    "kill-before": _kill_before,
    "kill-after": _kill_after,
    "lose-answer": _lose_answer,
    "refuse": _refuse,
    "outage": _outage,
    "rotate-token": _rotate,
    "hold": _hold,
    "release": _release,
    "close": _close,
    "garble": _garble,
    "expire": _expire,
    "expire-at-connect": _expire_at_connect,
    "gap": _gap,
    "travel-in-time": _travel,
    "kill": _kill,
    "second-operator": _second_operator,
    "steal-lease": _steal_lease,
    "set-clock": _set_clock,
}
