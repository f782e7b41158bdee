"""One measurement: what is asked, by which way, and what came of it."""

import asyncio
import random
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from trifocal.cli.benchmark.asking import CLIENTS, Client, Language, NoAnswer
from trifocal.cli.benchmark.open_loop import Arrivals, instants, send
from trifocal.cli.benchmark.summary import Limit, Summary, summed_up
from trifocal.cli.benchmark.tunnel import Tunnel, opened_tunnels
from trifocal.cli.rollout.undoing import serving_revision
from trifocal.cli.seen import Seen
from trifocal.cli.session import Unanswered
from trifocal.kube.access import Access
from trifocal.kube.client import Manifest
from trifocal.optimizer.contract import Tensor
from trifocal.reconcile.revisions import read_revision
from trifocal.triton.arguments import GRPC_PORT, HTTP_PORT

_PORTS = {"http": HTTP_PORT, "grpc": GRPC_PORT}
_PINGS = 20
"""Round trips by which the way is judged."""
_LEAD_SECONDS = 0.1
"""Before the first request is due."""


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """What is sent."""

    rate: float
    """Requests a second, in the mean, to all pods together."""
    seconds: float
    arrivals: Arrivals
    protocol: Language
    seed: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of it."""

    namespace: str
    name: str
    plan: LoadPlan
    pods: int | None
    """Of the revision that serves; None where an address was given."""
    address: str | None
    inputs: str
    """Where they come from."""
    way_milliseconds: float
    """Median of a round trip that asks for no inference: the way there and back."""
    summary: Summary


async def measure(seen: Seen, access: Access, address: str | None, plan: LoadPlan) -> Measured:
    """Measure a model that serves.

    Args:
        seen: The object.
        access: Where its pods are reached.
        address: Host and port to ask instead, without a tunnel.
        plan: The load; it has at least one request.

    Raises:
        Unanswered: It does not serve, cannot be reached, or refuses the first request.
    """
    pods = () if address else _pods(seen)
    metadata = seen.body["metadata"]
    async with (
        _ways(access, address, pods, _PORTS[plan.protocol]) as ways,
        CLIENTS[plan.protocol](metadata["name"]) as client,
    ):
        way, origin = await _make_ready(client, ways, seen)
        summary = await _load(client, ways, plan, limit_of(seen))
    return Measured(
        namespace=metadata["namespace"],
        name=metadata["name"],
        plan=plan,
        pods=None if address else len(pods),
        address=address,
        inputs=origin,
        way_milliseconds=way,
        summary=summary,
    )


def limit_of(seen: Seen) -> Limit | None:
    """The latency objective; None where there is none."""
    if seen.md is None or seen.md.spec.scaling is None:
        return None
    objective = seen.md.spec.scaling.objective.latency
    return Limit(percentile=objective.percentile, milliseconds=objective.max_milliseconds)


def recorded_inputs(seen: Seen) -> tuple[tuple[Tensor, ...], int] | None:
    """The inputs of the recorded smoke inference and its seed; None where there is none."""
    asked = seen.optimization.get("request")
    result = seen.observed.results.get(str(asked))
    if result is None or result.smoke is None or not result.inputs:
        return None
    return tuple(result.inputs), result.smoke.seed


def _pods(seen: Seen) -> tuple[Manifest, ...]:
    ready = read_revision(seen.observed, str(serving_revision(seen))).ready
    if not ready:
        name = seen.body["metadata"]["name"]
        raise Unanswered(
            f"No pod of {name} serves, so there is nothing to measure; "
            f"`kubectl trifocal explain {name}` says why."
        )
    return ready


@asynccontextmanager
async def _ways(
    access: Access, address: str | None, pods: tuple[Manifest, ...], port: int
) -> AsyncIterator[tuple[Tunnel, ...]]:
    if address is not None:
        yield (Tunnel(address=address),)
        return
    async with opened_tunnels(access, pods, port) as tunnels:
        yield tunnels


async def _make_ready(client: Client, ways: tuple[Tunnel, ...], seen: Seen) -> tuple[float, str]:
    """Make the request and send it once to each; milliseconds of the way, and whence inputs are."""
    way = ways[0]
    try:
        took = await _round_trips(client, way.address)
        recorded = recorded_inputs(seen)
        inputs, seed = recorded or (await client.declared(way.address), 0)
        client.prepare(inputs, seed)
        for way in ways:
            await client.ask(way.address)
    except NoAnswer as error:
        raise Unanswered(f"The first request failed: {way.trouble or error}") from error
    return took, "of the recorded smoke inference" if recorded else "random, of the declared shape"


async def _round_trips(client: Client, address: str) -> float:
    loop, took = asyncio.get_running_loop(), []
    for _ in range(_PINGS):
        began = loop.time()
        await client.ping(address)
        took.append(1000 * (loop.time() - began))
    return statistics.median(took)


async def _load(
    client: Client, ways: tuple[Tunnel, ...], plan: LoadPlan, limit: Limit | None
) -> Summary:
    chance = random.Random(plan.seed)  # noqa: S311 - which pod a Service would have picked

    async def ask() -> str | None:
        try:
            await client.ask(chance.choice(ways).address)
        except NoAnswer as error:
            return str(error)
        return None

    arrivals = instants(plan.arrivals, plan.rate, plan.seconds, plan.seed)
    began = asyncio.get_running_loop().time() + _LEAD_SECONDS
    return summed_up(await send(arrivals, began, ask), limit)
