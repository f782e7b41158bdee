"""Sends requests at given instants, whatever becomes of those before: an open loop."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import aiohttp
import numpy as np

from tests.support.quadrants import SIZE

TIMEOUT_SECONDS = 60.0
"""A longer wait is a failure."""

Pick = Callable[[], AbstractContextManager[str]]
"""Gives the address for one request, host and port, for as long as it is under way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request. Times in seconds since the load began."""

    due: float
    sent: float
    ended: float
    failure: str | None

    @property
    def latency(self) -> float:
        """From the instant at which it was due: a sender that is late hides nothing."""
        return self.ended - self.due


async def send(
    model: str, pick: Pick, arrivals: Sequence[float], began: float, observe: Callable[[], None]
) -> list[Answer]:
    """All requests, each at its instant and on a connection of its own; in the order of dues.

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
    loop = asyncio.get_running_loop()
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session,
        asyncio.TaskGroup() as group,
    ):

        async def ask(due: float) -> Answer:
            sent = loop.time() - began
            with pick() as address:
                url = f"http://{address}/v2/models/{model}/infer"
                failure = await _failure(session, url, body)
            return Answer(due, sent, loop.time() - began, failure)

        asked = []
        for due in arrivals:
            await asyncio.sleep(began + due - loop.time())
            observe()
            asked.append(group.create_task(ask(due)))
    return [task.result() for task in asked]


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
