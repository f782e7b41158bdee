"""Clients under constant load: each asks back to back on a persistent connection of its own."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tritonclient.grpc
import tritonclient.http
import tritonclient.http.aio

from tests.integration.triton.small_model import INPUTS, NAME
from trifocal.triton.smoke_input import smoke_input

_THINK_SECONDS = 0.003
"""Between an answer and the next request: load, but not overload, on two cores."""


@dataclass
class Tally:
    """What one client saw."""

    answered: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    """(monotonic time, message)."""
    slowest_seconds: float = 0.0

    def count(self, begin: float, error: Exception | None) -> None:
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - begin)
        if error is None:
            self.answered += 1
        else:
            self.failures.append((time.monotonic(), f"{type(error).__name__}: {error}"))


def http_client(address: str, stop: threading.Event, tally: Tally) -> None:
    """tritonclient.http: geventhttpclient, one persistent connection."""
    with tritonclient.http.InferenceServerClient(address, concurrency=1) as client:
        tensor = _tensor(tritonclient.http)
        _ask_until(stop, tally, lambda: client.infer(NAME, [tensor]))


def grpc_client(address: str, stop: threading.Event, tally: Tally) -> None:
    """tritonclient.grpc: one channel, on a connection that it shares with no other channel."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with tritonclient.grpc.InferenceServerClient(address, channel_args=options) as client:
        tensor = _tensor(tritonclient.grpc)
        _ask_until(stop, tally, lambda: client.infer(NAME, [tensor]))


def aio_client(address: str, stop: threading.Event, tally: Tally) -> None:
    """tritonclient.http.aio: aiohttp, which never sends a POST a second time."""

    async def run() -> None:
        tensor = _tensor(tritonclient.http)
        async with tritonclient.http.aio.InferenceServerClient(address) as client:
            while not stop.is_set():
                begin, error = time.monotonic(), None
                try:
                    await client.infer(NAME, [tensor])
                except Exception as caught:  # noqa: BLE001 - every failure counts
                    error = caught
                tally.count(begin, error)
                await asyncio.sleep(_THINK_SECONDS)

    asyncio.run(run())


CLIENTS: dict[str, Callable[[str, threading.Event, Tally], None]] = {
    "http": http_client,
    "http.aio": aio_client,
    "grpc": grpc_client,
}


def _tensor(library: Any) -> Any:
    image = smoke_input(1, INPUTS)[INPUTS[0].name]
    tensor = library.InferInput(INPUTS[0].name, list(image.shape), "FP32")
    tensor.set_data_from_numpy(image)
    return tensor


def _ask_until(stop: threading.Event, tally: Tally, ask: Callable[[], object]) -> None:
    while not stop.is_set():
        begin, error = time.monotonic(), None
        try:
            ask()
        except Exception as caught:  # noqa: BLE001 - every failure counts
            error = caught
        tally.count(begin, error)
        time.sleep(_THINK_SECONDS)
