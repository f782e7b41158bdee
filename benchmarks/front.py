"""What the HTTP front of a serving pod costs: latency with and without it, request by request.

One client asks a real Triton directly and through nginx in turn, so that both meet the same noise.

    uv run --frozen --extra extended python -m benchmarks.front
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tritonclient.http

from tests.integration.triton import real_server
from tests.integration.triton.nginx import front_before
from tests.integration.triton.small_model import (
    IMAGE,
    INPUTS,
    NAME,
    SIDE,
    write_model,
    write_repository,
)
from trifocal.triton.arguments import server_arguments

BATCHES = (1, 49)
"""12 KB, and the 602 KB of one image of 3 x 224 x 224 in float32."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="each way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write_model(model, channels=1)
        repository = write_repository(Path(folder) / "models", model, serving=None)
        config = repository / NAME / "config.pbtxt"
        config.write_text(config.read_text().replace("max_batch_size: 8", "max_batch_size: 64"))
        arguments = server_arguments(IMAGE, restricted_key="benchmark")
        with (
            real_server.running(real_server.install(), repository, arguments) as server,
            front_before(server.http_port, NAME, Path(folder)) as front,
        ):
            print("request    way      p50 ms  p99 ms")  # noqa: T201 - its purpose
            for batch in BATCHES:
                for line in rows(batch, {"direct": server.http_port, "front": front}, options):
                    print(line, flush=True)  # noqa: T201 - its purpose


def rows(batch: int, ports: dict[str, int], options: argparse.Namespace) -> Iterator[str]:
    """A line for each way."""
    image = np.zeros((batch, 3, SIDE, SIDE), np.float32)
    tensor = tritonclient.http.InferInput(INPUTS[0].name, list(image.shape), "FP32")
    tensor.set_data_from_numpy(image)
    clients = {
        way: tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}")
        for way, port in ports.items()
    }
    taken: dict[str, list[float]] = {way: [] for way in ports}
    for _ in range(options.requests):
        for way, client in clients.items():
            begin = time.perf_counter()
            client.infer(NAME, [tensor])
            taken[way].append((time.perf_counter() - begin) * 1000)
    for way, client in clients.items():
        client.close()
        p50, p99 = np.percentile(taken[way], [50, 99])
        yield f"{image.nbytes / 1000:5.0f} KB   {way:7} {p50:7.2f} {p99:7.2f}"


if __name__ == "__main__":
    main()
