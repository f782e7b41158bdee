"""Asks a served model: one inference by Triton's protocol, over HTTP or gRPC.

The request is made once and sent again and again: what is measured is the server.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal, Protocol, Self, TypeAlias

import aiohttp
from tritonclient import grpc, http
from tritonclient.grpc import aio as grpc_aio
from tritonclient.utils import InferenceServerException

from trifocal.optimizer.contract import Tensor
from trifocal.triton.smoke_input import made_into
from trifocal.triton.tensor import TRITON_TYPES

Language: TypeAlias = Literal["http", "grpc"]

TIMEOUT_SECONDS = 30.0
"""A longer wait is a failure."""
WORDS_OF_A_FAILURE = 200
"""Characters of an answer that says no."""
_NUMPY_TYPES = {triton: name for name, triton in TRITON_TYPES.items()}
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class NoAnswer(Exception):  # noqa: N818 - what happened
    """A request that failed; the message says how, in few words."""


class Client(Protocol):
    """One model at any number of addresses (host:port). It keeps its connections."""

    async def ping(self, address: str) -> None:
        """Ask whether the server lives.

        Raises:
            NoAnswer: It cannot be reached.
        """

    async def declared(self, address: str) -> tuple[Tensor, ...]:
        """The inputs that the server declares.

        Raises:
            NoAnswer: It cannot be reached, or has no such model.
        """

    def prepare(self, inputs: Sequence[Tensor], seed: int) -> None:
        """Make the request: the smoke inference's input of that seed."""

    async def ask(self, address: str) -> None:
        """Send the request.

        Raises:
            NoAnswer: There was no answer, or a refusal.
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class HttpClient:
    """KServe's v2 protocol over HTTP, with tensors in Triton's binary form."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._body, self._headers = b"", dict[str, str]()

    async def __aenter__(self) -> Self:
        # No limit: in an open loop no request waits for another one's connection.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ping(self, address: str) -> None:
        """See `Client.ping`."""
        await self._read("get", f"http://{address}/v2/health/live")

    async def declared(self, address: str) -> tuple[Tensor, ...]:
        """See `Client.declared`."""
        return _tensors(await self._json(f"http://{address}/v2/models/{self._model}"), address)

    def prepare(self, inputs: Sequence[Tensor], seed: int) -> None:
        """See `Client.prepare`."""
        tensors = made_into(http.InferInput, seed, inputs)
        self._body, length = http.InferenceServerClient.generate_request_body(tensors)
        self._headers = {"Content-Type": "application/octet-stream"}
        if length is not None:
            self._headers["Inference-Header-Content-Length"] = str(length)

    async def ask(self, address: str) -> None:
        """See `Client.ask`."""
        url = f"http://{address}/v2/models/{self._model}/infer"
        await self._read("post", url, data=self._body, headers=self._headers)

    async def _json(self, url: str) -> Any:
        try:
            return json.loads(await self._read("get", url))
        except ValueError as error:
            raise NoAnswer(f"{url}: no JSON") from error

    async def _read(self, method: str, url: str, **rest: Any) -> bytes:
        try:
            async with self._session.request(method, url, **rest) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(_told(error)) from error
        if not response.ok:
            words = body[:WORDS_OF_A_FAILURE].decode(errors="replace")
            raise NoAnswer(f"HTTP {response.status}: {words}")
        return body


class GrpcClient:
    """The same protocol over gRPC, with one connection to each address."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._inputs: list[Any] = []
        self._clients = dict[str, Any]()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ping(self, address: str) -> None:
        """See `Client.ping`."""
        await self._call(address, "is_server_live")

    async def declared(self, address: str) -> tuple[Tensor, ...]:
        """See `Client.declared`."""
        found = await self._call(address, "get_model_metadata", self._model, as_json=True)
        return _tensors(found, address)

    def prepare(self, inputs: Sequence[Tensor], seed: int) -> None:
        """See `Client.prepare`."""
        self._inputs = made_into(grpc.InferInput, seed, inputs)

    async def ask(self, address: str) -> None:
        """See `Client.ask`."""
        await self._call(address, "infer", self._model, self._inputs)

    async def _call(self, address: str, method: str, *words: Any, **options: Any) -> Any:
        if address not in self._clients:
            client = grpc_aio.InferenceServerClient(address, channel_args=_ANY_SIZE)
            self._clients[address] = client
            self._stack.push_async_callback(client.close)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await getattr(self._clients[address], method)(*words, **options)
        except (InferenceServerException, OSError, TimeoutError) as error:
            raise NoAnswer(_told(error)) from error


CLIENTS: Mapping[Language, type[HttpClient] | type[GrpcClient]] = {
    "http": HttpClient,
    "grpc": GrpcClient,
}


def _tensors(declared: Any, address: str) -> tuple[Tensor, ...]:
    """Numbers are text in gRPC's JSON form (ProtoJSON writes an int64 so)."""
    try:
        return tuple(
            Tensor(
                name=each["name"],
                dtype=_NUMPY_TYPES[each["datatype"]],
                shape=tuple(int(size) for size in each["shape"]),
            )
            for each in declared["inputs"]
        )
    except (LookupError, TypeError, ValueError) as error:
        raise NoAnswer(f"what answers at {address} is no Triton: {error!r}") from error


def _told(error: Exception) -> str:
    words = str(error)[:WORDS_OF_A_FAILURE]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
