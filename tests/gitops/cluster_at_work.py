"""The rest of a cluster, moving by itself beside a test: `tests.faults.controllers` in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.client import Client
from tests.faults.controllers import Controllers
from tests.support.control_plane import ControlPlane

_PAUSE_SECONDS = 0.3
"""Between two rounds; a pod takes three rounds from its making to its readiness."""


@contextmanager
def cluster_at_work(plane: ControlPlane, namespace: str) -> Iterator[Controllers]:
    """Job, Deployment and pods of one namespace live until the block ends.

    Set `outcome` on what comes back to say what becomes of optimization Jobs from now on.
    """
    client = Client(plane, "cluster")
    controllers = Controllers(client, namespace)
    over = threading.Event()

    def work() -> None:
        while not over.wait(_PAUSE_SECONDS):
            controllers.step()

    thread = threading.Thread(target=work, name="cluster at work")
    thread.start()
    try:
        yield controllers
    finally:
        over.set()
        thread.join()
        client.close()
