"""Answers from a served model through its Service, as a client inside or outside would get them."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from tritonclient import http

from tests.e2e.cluster import tool
from tests.e2e.workload import Workload


@contextmanager
def forwarded(workload: Workload, target: str, port: int) -> Iterator[str]:
    """host:port of a `kubectl port-forward`, which ends with the block."""
    process = subprocess.Popen(  # noqa: S603 - the tests' own command
        [
            tool("kubectl"), "--kubeconfig", str(workload.cluster.kubeconfig), "port-forward",
            "-n", workload.namespace, target, f":{port}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"port-forward to {target} said: {said!r}"
        yield f"127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.communicate()


def infer(workload: Workload, name: str, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores for a batch, through the Service."""
    with forwarded(workload, f"service/{name}", 8000) as address:
        client = http.InferenceServerClient(address)
        tensor = http.InferInput("image", list(batch.shape), "FP32")
        tensor.set_data_from_numpy(batch)
        scores: npt.NDArray[np.float32] = client.infer(name, [tensor]).as_numpy("scores")
        client.close()
        return scores
