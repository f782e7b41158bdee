"""Writes statuses: what differs from the stored one, when it is time, and the events of it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from trifocal.api.schema import API_VERSION, KIND
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.kube.errors import Refused, Transient
from trifocal.kube.recorder import Recorder
from trifocal.reconcile.events import transitions
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.queue import Key
from trifocal.reconcile.telling import told_in


class Publisher:
    """Tells of objects. What it remembers only delays a write and may be lost."""

    def __init__(
        self, kube: Kube, cache: Cache, recorder: Recorder, now: Callable[[], datetime]
    ) -> None:
        """Tell through `kube` and `recorder`, and bring `cache` up to date."""
        self._kube = kube
        self._cache = cache
        self._recorder = recorder
        self._now = now
        self._untold: dict[Key, tuple[str, datetime]] = {}

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._untold.pop(key, None)

    async def publish(
        self, body: Manifest, status: Mapping[str, Any], *, at_once: bool = False
    ) -> timedelta | None:
        """Write the status if it differs from the stored one and is not to wait.

        Args:
            body: the object as it was read.
            status: the wanted one.
            at_once: the next pass may be far away, so nothing waits for it.

        Returns:
            How long it is to wait; None when nothing is left to be written.

        Raises:
            Transient: the object is not as it was read.
        """
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        stored = body.get("status") or {}
        if status == stored:
            self.forget(key)
            return None
        wait = told_in(stored, status, differs_for=self._differs_for(key, body))
        if wait > timedelta(0) and not at_once:
            return wait
        answer = await self._write(body, status)
        self.forget(key)
        self._cache.upsert(KIND, answer)
        for occurrence in transitions(stored.get("conditions", ()), status["conditions"]):
            await self._recorder.record(answer, occurrence)
        return None

    def _differs_for(self, key: Key, body: Manifest) -> timedelta:
        uid = body["metadata"]["uid"]
        now = self._now()
        whose, since = self._untold.get(key, (uid, now))
        self._untold[key] = uid, since if whose == uid else now
        return now - self._untold[key][1]

    async def _write(self, body: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Write it to the object that was read, and to no other.

        The API server ignores the uid in a write of a custom resource's status: it is the version
        that keeps the status of a deleted object from its namesake.
        """
        keys = ("namespace", "name", "uid", "resourceVersion")
        metadata = {key: body["metadata"][key] for key in keys}
        try:
            return await self._kube.apply_status(
                {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status}
            )
        except Refused as refused:
            if not refused.is_conflict:
                raise
            raise Transient(
                f"{KIND} {metadata['name']} has changed since it was read."
            ) from refused
