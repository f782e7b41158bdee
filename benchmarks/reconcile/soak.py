"""The same change again and again: what the operator still holds after it has gone."""

from collections.abc import AsyncIterator

from benchmarks.reconcile import objects
from benchmarks.reconcile.client import Client
from benchmarks.reconcile.cluster import whole_cluster
from benchmarks.reconcile.meter import Meter
from benchmarks.reconcile.rows import Row
from benchmarks.reconcile.steps import REPLICAS_AFTER, REPLICAS_BEFORE, change, create, serves
from tests.support.operator_process import operator

SOAK = "soak"


async def rows(size: int, rounds: int, settings: dict[str, str]) -> AsyncIterator[Row]:
    """Create so many objects, scale all out and in again so often, and tell of each round."""
    addresses = objects.addresses(size)
    with whole_cluster(size) as plane, operator(plane.kubeconfig, **settings) as running:
        running.wait_until_leading()
        meter = Meter(plane, lambda: running.process.pid, size, running.metrics)
        async with Client.of(plane) as client:
            await create(client, addresses, serves(REPLICAS_BEFORE))
            for _ in range(rounds):
                mark = meter.start()
                await change(client, addresses, REPLICAS_AFTER)
                await change(client, addresses, REPLICAS_BEFORE)
                yield await meter.finish(SOAK, mark, size)
