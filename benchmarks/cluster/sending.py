"""Sends one picture to a model at given instants, each on a connection of its own."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import aiohttp
import numpy as np

from tests.support.quadrants import SIZE
from trifocal.cli.benchmark import open_loop
from trifocal.cli.benchmark.open_loop import Answer

TIMEOUT_SECONDS = 60.0
"""A longer wait is a failure."""

Pick = Callable[[], AbstractContextManager[str]]
"""Gives the address for one request, host and port, for as long as it is under way."""


async def send(
    model: str, pick: Pick, arrivals: Sequence[float], began: float, observe: Callable[[], None]
) -> list[Answer]:
    """All requests; see `open_loop.send`.

    Args:
        model: Its name in Triton.
        pick: Where to send each request.
        arrivals: Instants in seconds, ascending.
        began: The event loop's time from which they count.
        observe: Told of each request when it is due.
    """
    # A Service picks a pod for each connection: a new one for each request spreads them by chance.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    body, headers = _request()
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers
    ) as session:

        async def ask() -> str | None:
            with pick() as address:
                return await _failure(session, f"http://{address}/v2/models/{model}/infer", body)

        return await open_loop.send(arrivals, began, ask, observe)


async def _failure(session: aiohttp.ClientSession, url: str, body: bytes) -> str | None:
    try:
        async with session.post(url, data=body) as response:
            text = await response.text(errors="replace")
            return None if response.ok else f"{response.status}: {text}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"


def _request() -> tuple[bytes, dict[str, str]]:
    """One picture, in Triton's binary form: text would cost the pods more CPU than the model."""
    pixels = np.zeros((1, 3, SIZE, SIZE), np.float32).tobytes()
    tensor = {
        "name": "image",
        "datatype": "FP32",
        "shape": [1, 3, SIZE, SIZE],
        "parameters": {"binary_data_size": len(pixels)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + pixels, {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
