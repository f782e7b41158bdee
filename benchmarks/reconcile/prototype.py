"""The bare minimum that the operator is compared with: an event, three applies and a status.

kopf brings events, sixteen workers take keys from a queue, and each key costs a ConfigMap, a
Service and a Deployment by server-side apply and then the status: no parsing, no plan, no
comparison, no events, no limit of its rate. Nothing that an operator has to do is left to take
away, so its rate is what kopf, Python and the API server allow.

    KUBECONFIG=... python -m benchmarks.reconcile.prototype
"""

import asyncio
import json
import logging
import time
from typing import Any

import aiohttp
import kopf

from benchmarks.reconcile.writes import PROTOTYPE
from trifocal.api.schema import API_VERSION, GROUP, KIND, PLURAL, VERSION
from trifocal.kube.access import Access, find_access, open_session
from trifocal.kube.kinds import kind_of

WORKERS = 16
CONNECTIONS = 48
"""Three applies at a time for each worker."""
LABEL = "app.kubernetes.io/managed-by"
CHILDREN = (("", "v1", "configmaps"), ("", "v1", "services"), ("apps", "v1", "deployments"))

Key = tuple[str, str, str, int]
"""Namespace, name, uid and generation."""


class Prototype:
    """Applies the same three children for every object that it hears of."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server
        self.queue: asyncio.Queue[Key] = asyncio.Queue()
        self._heard: set[Key] = set()

    async def hear(self, body: kopf.Body, **_: object) -> None:
        """Take in an event; kopf's handler for ModelDeployments."""
        meta = body["metadata"]
        key = meta["namespace"], meta["name"], meta["uid"], meta["generation"]
        if key not in self._heard:
            self._heard.add(key)
            self.queue.put_nowait(key)

    async def work(self) -> None:
        """Take keys for ever."""
        while True:
            key = await self.queue.get()
            await asyncio.gather(*(self._apply(child) for child in children(key)))
            await self._apply(status(key), "/status")

    async def _apply(self, manifest: dict[str, Any], part: str = "") -> None:
        meta = manifest["metadata"]
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        async with self._session.patch(
            self._server + kind.path(meta["namespace"], meta["name"]) + part,
            params={"fieldManager": PROTOTYPE, "force": "true"},
            data=json.dumps(manifest),
            headers={
                "Content-Type": "application/apply-patch+yaml",
                "User-Agent": f"{PROTOTYPE}/1",
            },
        ) as response:
            response.raise_for_status()
            await response.json()


def children(key: Key) -> tuple[dict[str, Any], ...]:
    """A ConfigMap, a Service and a Deployment without pods."""
    namespace, name, uid, _ = key
    labels = {"app": name}
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": name, "uid": uid, "controller": True}
    meta = {
        "namespace": namespace,
        "name": name,
        "labels": {**labels, LABEL: PROTOTYPE},
        "ownerReferences": [owner],
    }
    container = {"name": "server", "image": "server", "ports": [{"containerPort": 8000}]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    serving = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    port = {"selector": labels, "ports": [{"port": 8000, "protocol": "TCP"}]}
    return (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"config": "x" * 500}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": port},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": serving},
    )


def status(key: Key) -> dict[str, Any]:
    """That the generation was seen, with one condition."""
    namespace, name, uid, generation = key
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {
        "type": "Ready",
        "status": "False",
        "reason": "Applied",
        "message": "The children were applied.",
        "observedGeneration": generation,
        "lastTransitionTime": now,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
        "status": {"observedGeneration": generation, "conditions": [said]},
    }


async def main() -> None:
    """Run until killed."""
    logging.getLogger("kopf").setLevel(logging.WARNING)
    access = await find_access(time.monotonic)
    async with open_session(access, connections=CONNECTIONS) as session:
        prototype = Prototype(session, access.server)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(prototype.work())
            tasks.create_task(_watch(prototype, access))


async def _watch(prototype: Prototype, access: Access) -> None:
    registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True

    async def login(**_: object) -> kopf.AiohttpSession:
        session = open_session(access, connections=CONNECTIONS)
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    async def ignore(**_: object) -> None:
        """Children are watched for their cost, as the operator has to watch them."""

    kopf.on.login(registry=registry)(login)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(prototype.hear)
    for group, version, plural in CHILDREN:
        settings.watching.label_selectors[group, version, plural] = f"{LABEL}={PROTOTYPE}"
        kopf.on.event(group, version, plural, registry=registry)(ignore)
    await kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True)


if __name__ == "__main__":
    asyncio.run(main())
