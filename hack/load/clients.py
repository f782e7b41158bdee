"""Connections to Triton by tritonclient: one each, so that a load balancer sees as many."""

from typing import Any, Protocol

import numpy as np
from tritonclient import grpc, http
from tritonclient.grpc import aio as grpc_aio
from tritonclient.http import aio as http_aio

from hack.load.plan import Target

_ONE_CONNECTION_EACH = [
    # Channels of one process share their connections unless told otherwise.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


class Connection(Protocol):
    """One connection that asks and waits for the answer."""

    async def ask(self) -> None:
        """Send one request; any exception means that it failed."""

    async def close(self) -> None:
        """Close the connection."""


class TritonConnection:
    """A tritonclient with one connection and a fixed request."""

    def __init__(self, target: Target) -> None:
        self._model = target.model
        shape = (1, *target.shape)
        values = np.random.default_rng(0).random(shape, dtype=np.float32)
        module: Any
        if target.protocol == "http":
            module = http
            self._client: Any = http_aio.InferenceServerClient(target.url, conn_limit=1)
        else:
            module = grpc
            self._client = grpc_aio.InferenceServerClient(
                target.url, channel_args=_ONE_CONNECTION_EACH
            )
        tensor = module.InferInput(target.input, list(shape), "FP32")
        tensor.set_data_from_numpy(values)
        self._inputs = [tensor]

    async def ask(self) -> None:
        """Send one request; any exception means that it failed."""
        await self._client.infer(self._model, self._inputs)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()
