"""The steps: create, change, stay idle, restart, take in changes of status, delete."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from benchmarks.reconcile import objects
from benchmarks.reconcile.client import MERGE, STRATEGIC, Address, Client, Satisfied, side_by_side
from benchmarks.reconcile.meter import Meter
from benchmarks.reconcile.rows import Row
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess, operator
from trifocal.api.names import MANAGED_BY, MANAGED_BY_LABEL
from trifocal.kube.kinds import MODEL_DEPLOYMENT, OWNED, Kind, kind_named

CREATE, CHANGE, IDLE, RESTART, STATUSES, DELETE = (
    "create",
    "change",
    "idle",
    "restart",
    "statuses",
    "delete",
)
MOST_STATUSES = 1000
"""Deployments whose status is changed."""
REPLICAS_BEFORE, REPLICAS_AFTER = 1, 2
OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 1800.0


@dataclass
class Journey:
    """The life of so many objects on a whole cluster; the steps come in this order."""

    plane: ControlPlane
    client: Client
    stack: ExitStack
    size: int
    idle_seconds: float
    settings: dict[str, str]

    def __post_init__(self) -> None:
        self._addresses = objects.addresses(self.size)
        self._operator = self._started("operator-a")
        self._operator.wait_until_leading()
        self._meter = Meter(
            self.plane, lambda: self._operator.process.pid, self.size, self._metrics
        )

    async def rows(self) -> AsyncIterator[Row]:
        """Every step's figures, one after the other."""
        steps = (
            self.create,
            self.change,
            self.idle,
            self.restart,
            self.statuses,
            self.delete,
        )
        for step in steps:
            yield await step()

    def _started(self, name: str) -> OperatorProcess:
        return self.stack.enter_context(operator(self.plane.kubeconfig, name, **self.settings))

    async def create(self) -> Row:
        """All at once, until each serves."""
        mark = self._meter.start()
        await create(self.client, self._addresses, serves(REPLICAS_BEFORE))
        return await self._meter.finish(CREATE, mark, self.size)

    async def change(self) -> Row:
        """Another number of replicas for each."""
        mark = self._meter.start()
        await change(self.client, self._addresses, REPLICAS_AFTER)
        return await self._meter.finish(CHANGE, mark, self.size)

    async def idle(self) -> Row:
        """Nothing happens."""
        mark = self._meter.start()
        await asyncio.sleep(self.idle_seconds)
        return await self._meter.finish(IDLE, mark, 0, quiet=False)

    async def restart(self) -> Row:
        """A new process finds everything as it should be: until a pass was made over each."""
        self._operator.terminate()
        self._operator = self._started("operator-b")
        mark = self._meter.start()
        await _becomes_true(self._has_looked_at_all)
        return await self._meter.finish(RESTART, mark, self.size)

    def _metrics(self) -> Mapping[str, float]:
        """Empty while a new process does not answer yet."""
        try:
            return self._operator.metrics()
        except OSError:
            return {}

    def _has_looked_at_all(self) -> bool:
        found = self._metrics()
        passes = found.get('trifocal_reconcile_seconds_count{outcome="ok"}', 0.0)
        return passes >= self.size and found.get("trifocal_queue_depth") == 0

    async def statuses(self) -> Row:
        """A foreign condition in the status of Deployments, which changes nothing for us."""
        deployment = kind_named("Deployment")
        found = (await self.client.names(deployment, OURS))[:MOST_STATUSES]
        seen = {"type": "BenchmarkSeen", "status": "True", "reason": "Told", "message": "Once."}
        change: objects.Manifest = {"status": {"conditions": [seen]}}
        mark = self._meter.start()
        await side_by_side(
            partial(self.client.patch, deployment, address, change, STRATEGIC, "/status")
            for address in found
        )
        return await self._meter.finish(STATUSES, mark, len(found))

    async def delete(self) -> Row:
        """All of them, until no child is left."""
        mark = self._meter.start()
        await side_by_side(
            partial(self.client.delete, MODEL_DEPLOYMENT, address) for address in self._addresses
        )
        for kind in OWNED:
            await self._none_left(kind)
        return await self._meter.finish(DELETE, mark, self.size)

    async def _none_left(self, kind: Kind) -> None:
        while await self.client.names(kind, OURS):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(1)


async def create(client: Client, addresses: tuple[Address, ...], until: Satisfied) -> None:
    """Create ModelDeployments and wait until each is as it should be."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.until(until, addresses))
        await side_by_side(
            partial(client.create, MODEL_DEPLOYMENT, objects.model_deployment(*address))
            for address in addresses
        )


async def change(client: Client, addresses: tuple[Address, ...], replicas: int) -> None:
    """Ask each for so many pods, and wait until they serve."""
    wanted: objects.Manifest = {"spec": {"replicas": replicas}}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.until(serves(replicas), addresses))
        await side_by_side(
            partial(client.patch, MODEL_DEPLOYMENT, address, wanted, MERGE) for address in addresses
        )


def serves(replicas: int) -> Satisfied:
    """Whether the operator says of the present spec that so many pods serve it."""

    def satisfied(obj: objects.Manifest) -> bool:
        status = obj.get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", ())}
        return (
            is_observed(obj)
            and conditions.get("Ready") == "True"
            and bool(status.get("readyReplicas") == replicas)
        )

    return satisfied


def is_observed(obj: objects.Manifest) -> bool:
    """Whether there is a status about the present spec."""
    return bool(obj.get("status", {}).get("observedGeneration") == obj["metadata"]["generation"])


async def _becomes_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_PATIENCE_SECONDS:g} s")
        await asyncio.sleep(_POLL_SECONDS)
