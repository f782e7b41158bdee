"""What a run left behind, as values: what the oracles judge. No I/O."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.faults.client import PLURALS, Manifest
from tests.faults.history import Change
from tests.support.audit import AuditedRequest
from tests.support.fault_proxy import SeenWrite
from trifocal.api import names

Child = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """A write of the operator, read from its request and the API server's answer."""

    at: float
    method: str
    kind: str
    name: str
    subresource: str
    manager: str
    body: Manifest
    status: int
    version: int | None
    """The object's resource version afterwards; None where it is not told."""
    uid: str | None
    """The object's uid, told by the answer."""

    @property
    def succeeded(self) -> bool:
        """Whether the API server did it."""
        return self.status < 300


def read_writes(seen: tuple[SeenWrite, ...], namespace: str) -> tuple[Write, ...]:
    """The writes to one namespace."""
    return tuple(_read(w) for w in seen if f"/namespaces/{namespace}/" in w.path)


def _read(seen: SeenWrite) -> Write:
    _, _, rest = seen.path.partition("/namespaces/")
    _, plural, *tail = rest.split("/")
    answer = _json(seen.answer)
    metadata = answer.get("metadata") or {}
    version = metadata.get("resourceVersion")
    return Write(
        at=seen.at,
        method=seen.method,
        kind=PLURALS[plural],
        name=tail[0] if tail else "",
        subresource=tail[1] if len(tail) > 1 else "",
        manager=seen.query.get("fieldManager", ""),
        body=_json(seen.body),
        status=seen.status,
        version=int(version) if version else None,
        uid=metadata.get("uid") or (answer.get("details") or {}).get("uid"),
    )


def _json(text: bytes) -> Manifest:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One run, seen whole."""

    name: str
    """The ModelDeployment's."""
    namespace: str
    changes: tuple[Change, ...]
    writes: tuple[Write, ...]
    log: tuple[Mapping[str, Any], ...]
    unrest: str = ""
    """What still moved when the time was over; empty when everything came to rest."""
    writes_at_rest: tuple[AuditedRequest, ...] = ()
    """From the audit log, after everything had come to rest."""
    children: Mapping[Child, Any] = field(default_factory=dict)
    """At the end, without what no two runs have in common."""
    fresh: Mapping[Child, Any] = field(default_factory=dict)
    """The same for a ModelDeployment that was applied once, with this spec, and left alone."""
    restarts_excused: bool = False
    """Whether a fault was among the inputs that ends the operator by design."""

    @cached_property
    def own_versions(self) -> frozenset[int]:
        """Versions that the operator's writes made."""
        return frozenset(w.version for w in self.writes if w.succeeded and w.version)

    @cached_property
    def own_deletions(self) -> frozenset[str]:
        """Objects that the operator deleted, by uid."""
        done = (w for w in self.writes if w.method == "DELETE" and w.succeeded)
        return frozenset(w.uid for w in done if w.uid)

    def is_own(self, change: Change) -> bool:
        """Whether the operator did it."""
        if change.type == "DELETED":
            return change.uid in self.own_deletions
        return change.version in self.own_versions

    def of(self, *kinds: str) -> Iterator[Change]:
        """The changes of these kinds."""
        return (change for change in self.changes if change.kind in kinds)

    def generations(self) -> Iterator[tuple[int, str, int, Manifest]]:
        """(version, uid, generation, spec) at each change of the user's object."""
        for change in self.of("ModelDeployment"):
            metadata = change.obj["metadata"]
            yield change.version, change.uid, int(metadata["generation"]), change.obj["spec"]

    def spec_at(self, version: int) -> tuple[str, int, Manifest]:
        """(uid, generation, spec) of the user's object when that version was made."""
        found: tuple[str, int, Manifest] = ("", 0, {})
        for seen, uid, generation, spec in self.generations():
            if seen > version:
                break
            found = uid, generation, spec
        return found

    def live_at(self, version: int, *, before: bool = False) -> dict[Child, Manifest]:
        """Every object as it was when that version had been made, or just before."""
        live: dict[Child, Manifest] = {}
        for change in self.changes:
            if change.version > version or (before and change.version == version):
                break
            if change.type == "DELETED":
                live.pop((change.kind, change.name), None)
            else:
                live[change.kind, change.name] = change.obj
        return live


def owner_uid(obj: Mapping[str, Any]) -> str | None:
    """The uid of an object's controller."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((str(o["uid"]) for o in owners if o.get("controller")), None)


def request_of(obj: Mapping[str, Any]) -> str:
    """The optimization request that an object belongs to."""
    return str((obj["metadata"].get("annotations") or {}).get(names.REQUEST_ANNOTATION, ""))
