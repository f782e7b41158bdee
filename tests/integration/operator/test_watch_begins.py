"""kopf's first watch begins where the first list ended: nothing twice, and nothing missed."""

import asyncio
import json
import time

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.tenant import Tenant
from trifocal.api.names import MANAGED_BY, MANAGED_BY_LABEL
from trifocal.handlers.streams import Streams
from trifocal.kube.access import Access, find_access, open_session
from trifocal.kube.cache import Cache
from trifocal.kube.cluster import Cluster
from trifocal.kube.kinds import WATCHED, kind_named, selector_of
from trifocal.kube.limiter import TokenBucket
from trifocal.kube.resync import prefill

CONFIG_MAP = kind_named("ConfigMap")


def make_config_map(tenant: Tenant, name: str) -> None:
    metadata = {"name": name, "labels": {MANAGED_BY_LABEL: MANAGED_BY}}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    done = tenant.plane.kubectl(
        "create", "-n", tenant.namespace, "-f", "-", stdin=json.dumps(manifest)
    )
    assert done.returncode == 0, done.stderr


async def filled(access: Access, cache: Cache) -> dict[str, str]:
    bucket = TokenBucket(qps=100.0, burst=100, clock=time.monotonic)
    async with Cluster(access, bucket, lambda *_: None) as cluster:
        return dict(await prefill(cluster, cache, asyncio.sleep))


@pytest.mark.parametrize("kind", [kind.name for kind in WATCHED])
async def test_the_api_server_lists_nothing_of_any_kind_and_tells_that_version(
    plane: ControlPlane, kind: str
) -> None:
    access = await find_access(time.monotonic, str(plane.kubeconfig))
    versions = await filled(access, Cache())
    listed: list[str] = []
    streams = Streams(time.monotonic, listed.append)
    streams.begin(versions)
    async with open_session(access, connections=1, middlewares=(streams.middleware,)) as session:
        path = kind_named(kind).path(None)
        query = {"limit": "500", "labelSelector": selector_of(kind_named(kind))}
        async with session.get(f"{access.server}{path}", params=query) as response:
            assert response.status == 200, await response.text()
            found = await response.json()
    assert not found["items"]
    assert found["metadata"]["resourceVersion"] == versions[kind]
    assert listed == []


async def test_what_is_made_between_list_and_watch_is_seen_and_nothing_else(
    plane: ControlPlane, tenant: Tenant
) -> None:
    make_config_map(tenant, "before")
    access = await find_access(time.monotonic, str(plane.kubeconfig))
    cache = Cache()
    versions = await filled(access, cache)
    assert cache.get("ConfigMap", tenant.namespace, "before") is not None
    make_config_map(tenant, "between")
    streams = Streams(time.monotonic)
    streams.begin(versions)
    async with open_session(access, connections=1, middlewares=(streams.middleware,)) as session:
        address = f"{access.server}{CONFIG_MAP.path(None)}"
        selector = {"labelSelector": selector_of(CONFIG_MAP)}
        async with session.get(address, params=selector) as response:
            listed = await response.json()
        since = {"resourceVersion": listed["metadata"]["resourceVersion"]}
        watch = {**selector, **since, "watch": "true", "timeoutSeconds": "2"}
        async with session.get(address, params=watch) as response:
            events = [json.loads(line) for line in (await response.text()).splitlines()]
    mine = [
        (event["type"], event["object"]["metadata"]["name"])
        for event in events
        if event["object"]["metadata"]["namespace"] == tenant.namespace
    ]
    assert mine == [("ADDED", "between")]
