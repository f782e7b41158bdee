"""How many pods of a model are ready, watched by nobody but the test, from event to event."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlencode, urlsplit

from hack.cluster.polling import becomes_true
from tests.autoscalers.fleet import Manifest, is_serving
from tests.support.control_plane import ControlPlane

_START_SECONDS = 30


class Readiness:
    """The ready pods now, and the fewest that there were since the watch began."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._ready: set[str] = set()
        self._fewest: int | None = None
        self._turns = 0
        self._began = 0.0
        self.story: list[str] = []
        """Each change since `begin`, with the seconds since then."""

    @property
    def now(self) -> int:
        """Pods that are ready and not being deleted: what a PodDisruptionBudget counts."""
        return len(self._ready)

    @property
    def fewest(self) -> int:
        """Since `begin`."""
        assert self._fewest is not None
        return self._fewest

    @property
    def lost(self) -> int:
        """How often a ready pod ceased to be one, since `begin`."""
        return self._turns

    def begin(self) -> None:
        """Count from now on."""
        self._fewest, self._turns, self._began = self.now, 0, time.monotonic()
        self.tell(f"{self.now} ready")

    def tell(self, what: str) -> None:
        """A line of the story."""
        self.story.append(f"{time.monotonic() - self._began:6.1f} s  {what}")

    def take(self, event: str, pod: Manifest) -> None:
        """Take in one event of the watch."""
        uid = pod["metadata"]["uid"]
        if event != "DELETED" and is_serving(pod):
            self._change(self._ready | {uid}, pod, "is ready")
        else:
            self._change(self._ready - {uid}, pod, "leaves")

    def _change(self, ready: set[str], pod: Manifest, what: str) -> None:
        if ready == self._ready:
            return
        self._turns += len(self._ready - ready)
        self._ready = ready
        if self._fewest is not None:
            self._fewest = min(self._fewest, self.now)
            self.tell(f"{self.now} ready: the pod on node {_place(pod)} {what}")


@contextmanager
def watched(plane: ControlPlane, namespace: str, selector: str, pods: int) -> Iterator[Readiness]:
    """A watch of its own, which has seen so many ready pods before the block begins."""
    found = Readiness()
    server = urlsplit(plane.url)
    context = ssl.create_default_context(cafile=str(plane.authority))
    connection = http.client.HTTPSConnection(str(server.hostname), server.port, context=context)
    query = urlencode({"watch": "1", "labelSelector": selector})
    connection.request(
        "GET",
        f"/api/v1/namespaces/{namespace}/pods?{query}",
        headers={"Authorization": f"Bearer {plane.token}"},
    )
    socket = connection.sock
    thread = threading.Thread(target=_read, args=(connection, found), name="watch of pods")
    thread.start()
    try:
        assert becomes_true(lambda: found.now == pods, _START_SECONDS), found.now
        found.begin()
        yield found
        assert thread.is_alive(), "the watch ended before the test did"
    finally:
        with suppress(OSError):
            socket.shutdown(2)
        thread.join()
        connection.close()


def _place(pod: Manifest) -> str:
    """The node, by the part of its name that tells it from others: its NodeClaim's."""
    return "-".join(pod["spec"]["nodeName"].removeprefix("kwok-").split("-")[:2])


def _read(connection: http.client.HTTPSConnection, found: Readiness) -> None:
    with suppress(OSError, http.client.HTTPException, ValueError):
        for line in connection.getresponse():
            event = json.loads(line)
            found.take(event["type"], event["object"])
