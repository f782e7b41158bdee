"""An API server in memory: enough of one for the `Kube` Protocol, with faults on demand."""

import copy
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

from trifocal.kube.client import Page
from trifocal.kube.errors import ApiError, Gone, Refused

Manifest = Mapping[str, Any]


class FakeKube:
    """Objects by (kind, namespace, name). Apply merges maps and replaces lists."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.writes: list[tuple[str, str, str]] = []
        """(verb, kind, name) of each write that changed something or was refused."""
        self.reads: list[tuple[str, str, str]] = []
        self.selectors: list[str] = []
        self.faults: dict[tuple[str, str], ApiError] = {}
        """Raised for (verb, kind) until taken out."""
        self._numbers = itertools.count(2)  # as in etcd, where nothing has version 1

    def put(self, obj: Manifest) -> dict[str, Any]:
        """Store an object as another client would; the answer is what a watch would show."""
        stored = copy.deepcopy(dict(obj))
        metadata = stored["metadata"]
        number = next(self._numbers)
        metadata.setdefault("uid", f"uid-{number}")
        metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        metadata["resourceVersion"] = str(number)
        self.objects[stored["kind"], metadata["namespace"], metadata["name"]] = stored
        return copy.deepcopy(stored)

    async def apply(self, manifest: Manifest) -> Manifest:
        kind, metadata = manifest["kind"], manifest["metadata"]
        self._fail("apply", kind, metadata["name"])
        before = self.objects.get((kind, metadata["namespace"], metadata["name"]))
        self._check_preconditions(before, metadata)
        after = _merged(before or {}, manifest)
        if before is not None and after == before:
            return copy.deepcopy(before)
        self.writes.append(("apply", kind, metadata["name"]))
        return self.put(after)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        kind, metadata = manifest["kind"], manifest["metadata"]
        self._fail("status", kind, metadata["name"])
        before = self.objects.get((kind, metadata["namespace"], metadata["name"]))
        if before is None:
            raise Gone("no such object")
        # As the API server does: it takes all metadata of a status write from the live object.
        self._check_preconditions(before, {k: v for k, v in metadata.items() if k != "uid"})
        self.writes.append(("status", kind, metadata["name"]))
        return self.put({**before, "status": copy.deepcopy(manifest["status"])})

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        self.reads.append(("get", kind, name))
        if fault := self.faults.get(("get", kind)):
            raise fault
        return copy.deepcopy(self.objects.get((kind, namespace, name)))

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> tuple[Manifest, ...]:
        self.reads.append(("list", kind, namespace or ""))
        self.selectors.append(label_selector or field_selector)
        if fault := self.faults.get(("list", kind)):
            raise fault
        return tuple(
            copy.deepcopy(obj)
            for (found, where, _), obj in self.objects.items()
            if found == kind and namespace in (None, where)
        )

    async def pages(
        self, kind: str, *, label_selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Page]:
        version = str(next(self._numbers))
        items = await self.list(kind, label_selector=label_selector)
        for item in items:
            kept = {"metadata": item["metadata"]} if metadata_only else item
            yield Page(items=(kept,), version=version)
        if not items:
            yield Page(items=(), version=version)

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> None:
        self._fail("delete", kind, name)
        live = self.objects.get((kind, namespace, name))
        if live is not None and live["metadata"]["uid"] == uid:
            self.writes.append(("delete", kind, name))
            del self.objects[kind, namespace, name]

    async def create(self, manifest: Manifest) -> Manifest:
        kind, metadata = manifest["kind"], manifest["metadata"]
        self._fail("create", kind, metadata["name"])
        if (kind, metadata["namespace"], metadata["name"]) in self.objects:
            raise Refused(409, "AlreadyExists", "exists")
        self.writes.append(("create", kind, metadata["name"]))
        return self.put(manifest)

    def _fail(self, verb: str, kind: str, name: str) -> None:
        if fault := self.faults.get((verb, kind)):
            self.writes.append((verb, kind, name))
            raise fault

    def _check_preconditions(self, before: Manifest | None, wanted: Manifest) -> None:
        """Of what does not exist the API server compares the uid alone."""
        live = before["metadata"] if before else {}
        for key in ("uid", "resourceVersion") if before else ("uid",):
            if key in wanted and wanted[key] != live.get(key):
                raise Refused(409, "Conflict", f"{key} mismatch")


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(live))
    for key, value in wanted.items():
        both_maps = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both_maps else copy.deepcopy(value)
    return merged
