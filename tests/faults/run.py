"""One run: a user, controllers and an operator in one namespace, from first apply to evidence."""

import copy
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from hack.cluster.polling import becomes_true
from tests.faults.client import APPLY, KINDS, Client, Manifest
from tests.faults.comparable import children
from tests.faults.controllers import SUCCEEDS, Controllers
from tests.faults.evidence import Child, Evidence, read_writes
from tests.faults.history import History, history
from tests.faults.session import Session, read_log
from tests.support.manifests import changed, minimal

NAME = "digits"
LULL_SECONDS = 0.6
"""Without a write for this long, the operator has answered what happened."""
REST_SECONDS = 2.5
"""Longer than any wait that `launcher` leaves, but for the back-off after failures."""
RESTS_WITHIN_SECONDS = 60.0
"""A rollout takes about ten; a third of a busy core makes it thirty."""
SETTLES_WITHIN_SECONDS = 60.0
"""After the last fault: kopf's longest wait before it asks again is 21 s."""


class Run:
    """One namespace and everything that happens in it."""

    def __init__(self, session: Session, namespace: str, seen: History) -> None:
        """The user has applied nothing yet."""
        self.session = session
        self.namespace = namespace
        self.client: Client = session.client
        self.controllers = Controllers(session.client, namespace)
        self.spec: Manifest = minimal()["spec"]
        self.before: list[Manifest] = []
        """Earlier specs, the last one last."""
        self.restarts_excused = False
        self._seen = seen
        self._first_write = len(session.proxy.writes)
        self._first_line = len(session.log_text())

    # The user

    def apply(self) -> None:
        """Server-side apply of the whole spec, as kubectl does."""
        manifest = {**minimal(NAME, self.namespace), "spec": self.spec}
        path = KINDS["ModelDeployment"].path(self.namespace, NAME)
        self.client.must("PATCH", f"{path}?fieldManager=user&force=true", manifest, APPLY)

    def edit(self, path: str, value: Any) -> None:
        """Apply the spec with one field set."""
        self.before = [*self.before, self.spec]
        self.spec = changed({"spec": copy.deepcopy(self.spec)}, f"spec.{path}", value)["spec"]
        self.apply()

    def live(self) -> Manifest | None:
        """The user's object as it stands."""
        return self.client.get("ModelDeployment", self.namespace, NAME)

    def delete(self) -> None:
        """Delete the user's object."""
        if live := self.live():
            self.client.delete({**live, "kind": "ModelDeployment"})

    # Time

    def writes(self) -> int:
        """Writes of the operator in this namespace so far."""
        seen = self.session.proxy.writes[self._first_write :]
        return sum(f"/namespaces/{self.namespace}/" in write.path for write in seen)

    def wait_for_lull(self, seconds: float = LULL_SECONDS) -> bool:
        """Wait until the operator has written nothing for a while; False if it never stops."""
        told = self.writes()
        since = time.monotonic()
        deadline = since + 20 * seconds
        while time.monotonic() < deadline:
            time.sleep(0.1)
            self.session.keep_running()
            if self.writes() != told:
                told, since = self.writes(), time.monotonic()
            elif time.monotonic() - since >= seconds:
                if self.session.is_idle():
                    return True
                since = time.monotonic()
        return False

    def advance(self, rounds: int) -> None:
        """Let operator and controllers act in turn."""
        for _ in range(rounds):
            self.wait_for_lull()
            self.controllers.step()

    def rest(self) -> bool:
        """Let both act until neither has anything to do; False if there is no end."""
        deadline = time.monotonic() + RESTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            self.wait_for_lull()
            if not self.controllers.step() and self.wait_for_lull(REST_SECONDS):
                return True
        return False

    # The end

    def finish(self) -> Evidence:
        """End all faults, ask for something that can be served, and look what comes of it."""
        self._mend()
        fresh = fresh_children(self.session, self.spec)
        unrest = self.settle(fresh)
        since = self.session.plane.audit_position()
        self._nudge()
        time.sleep(REST_SECONDS)
        return self._evidence(unrest, since, fresh)

    def _nudge(self) -> None:
        """Have the operator look once more at what is as it should be."""
        path = KINDS["ModelDeployment"].path(self.namespace, NAME)
        annotations = {"example.com/looked-at": self.namespace}
        self.client.must("PATCH", path, {"metadata": {"annotations": annotations}})

    def settle(self, fresh: Mapping[Child, Any] | None = None) -> str:
        """Wait until all is told and as it should be; what is not, when the time is over.

        Rest alone is not the end: between kopf's end and its next start, some ten seconds, the
        operator hears of nothing and so rests.
        """
        deadline = time.monotonic() + SETTLES_WITHIN_SECONDS
        while True:
            rests = self.rest()
            is_told = self._is_told()
            found = children(self.client, self.namespace, NAME)
            if rests and is_told and (fresh is None or found == fresh):
                return ""
            if time.monotonic() > deadline:
                return "" if rests and is_told else f"rests: {rests}; {self._told()}"

    def _mend(self) -> None:
        self.session.end_faults()
        self.session.stop("operator-b")
        self.session.wait_until_leading()
        self.controllers.outcome = SUCCEEDS
        self.controllers.collects_garbage = True
        for job in self.client.list("Job", self.namespace):
            # A failed Job is kept as record; deleting it asks for another try.
            if any(c["type"] == "Failed" for c in job["status"].get("conditions", ())):
                self.client.delete(job)
        service = self.client.get("Service", self.namespace, NAME)
        if service and not service["metadata"].get("ownerReferences"):
            self.client.delete({**service, "kind": "Service"})
        self.spec = served(self.spec)
        self.apply()

    def _is_told(self) -> bool:
        live = self.live() or {}
        status = live.get("status", {})
        true = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
        is_seen = status.get("observedGeneration") == live.get("metadata", {}).get("generation")
        return is_seen and "Ready" in true

    def _told(self) -> str:
        status = (self.live() or {}).get("status", {})
        told = [f"{c['type']}={c['status']} ({c['message']})" for c in status.get("conditions", ())]
        return f"{status.get('observedGeneration')} {told}"

    def _evidence(self, unrest: str, since: int, fresh: Mapping[Child, Any]) -> Evidence:
        audited = self.session.plane.audit_writes(since)
        log = self.session.log_text()[self._first_line :]
        return Evidence(
            name=NAME,
            namespace=self.namespace,
            changes=self._changes(),
            writes=read_writes(
                tuple(self.session.proxy.writes[self._first_write :]), self.namespace
            ),
            log=tuple(read_log(log)),
            unrest=unrest,
            writes_at_rest=tuple(
                w
                for w in audited
                if w.namespace == self.namespace and w.user_agent.startswith("trifocal")
            ),
            children=children(self.client, self.namespace, NAME),
            fresh=fresh,
            restarts_excused=self.restarts_excused,
        )

    def _changes(self) -> Any:
        """The history, once it has caught up with what is there now."""
        live = self.live() or {"metadata": {"resourceVersion": "0"}}
        version = int(live["metadata"]["resourceVersion"])

        def has_caught_up() -> bool:
            return any(change.version >= version for change in self._seen.changes())

        becomes_true(has_caught_up, 10)
        return self._seen.changes()

    def leave(self) -> None:
        """Take everything away, so that later runs' operators have less to look at."""
        self.session.end_faults()
        self.delete()
        self.controllers.collects_garbage = True
        for _ in range(6):
            if not self.controllers.step():
                break


def served(spec: Manifest) -> Manifest:
    """The spec, changed as little as it takes to be served: claims, pods, and not suspended."""
    mended = copy.deepcopy(spec)
    mended.pop("suspend", None)
    mended["model"]["source"]["claimName"] = "models"
    mended["replicas"] = max(1, mended.get("replicas", 1))
    return mended


def fresh_children(session: Session, spec: Manifest) -> Mapping[Child, Any]:
    """What one apply of this spec makes where nothing was before and nothing fails."""
    key = json.dumps(spec, sort_keys=True)
    if key not in session.fresh:
        with run(session) as untouched:
            untouched.spec = spec
            untouched.apply()
            unrest = untouched.settle()
            assert not unrest, f"A fresh apply does not come to rest: {unrest}"
            session.fresh[key] = children(session.client, untouched.namespace, NAME)
    return session.fresh[key]


@contextmanager
def run(session: Session) -> Iterator[Run]:
    """A run in a new namespace, which is emptied afterwards."""
    namespace = session.plane.namespace("faults")
    for claim in ("models", "artifacts"):
        session.client.create(_claim(claim, namespace))
    with history(session.plane, namespace) as seen:
        made = Run(session, namespace, seen)
        try:
            yield made
        finally:
            with suppress(OSError):
                made.leave()


def _claim(name: str, namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
