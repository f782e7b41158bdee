"""What the API server says about the deployments while they are loaded: pods, addresses, words."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cluster.sending import Pick
from hack.cluster.api import Api
from hack.cluster.paths import State
from trifocal.autoscaling.balancing import Balancing
from trifocal.triton.arguments import HTTP_PORT

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Count:
    """Pods of one deployment from one moment on."""

    at: float
    """Seconds since the load began."""
    ordered: int
    ready: int


@dataclass(kw_only=True)
class Member:
    """One ModelDeployment."""

    name: str
    service: str = ""
    """Its Service's address."""
    addresses: tuple[str, ...] = ()
    """Of the pods that its Service sends to."""
    counts: list[Count] = field(default_factory=list)
    """One for each change."""
    words: list[tuple[float, str]] = field(default_factory=list)
    """The scaler's, one for each change of the wanted number: when, and what it said."""
    wanted: int | None = None

    @contextmanager
    def by_service(self) -> Iterator[str]:
        """Where the Service sends it: a pod by chance."""
        yield f"{self.service}:{HTTP_PORT}"


class LeastRequest:
    """A balancer that knows what each pod has in work, and sends to the pod with the least."""

    def __init__(self, member: Member, seed: int) -> None:
        self._member = member
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._outstanding: Counter[str] = Counter()

    @contextmanager
    def pick(self) -> Iterator[str]:
        """The address of such a pod; among equals one by chance."""
        pods = self._member.addresses
        fewest = min(self._outstanding[pod] for pod in pods)
        pod = self._chance.choice([pod for pod in pods if self._outstanding[pod] == fewest])
        self._outstanding[pod] += 1
        try:
            yield f"{pod}:{HTTP_PORT}"
        finally:
            self._outstanding[pod] -= 1


def picking(member: Member, balancing: Balancing, seed: int) -> Pick:
    """How requests reach the member's pods."""
    return member.by_service if balancing == "blind" else LeastRequest(member, seed).pick


class Fleet:
    """Members by name, looked at once a second."""

    def __init__(self, namespace: str, names: tuple[str, ...]) -> None:
        self.members = {name: Member(name=name) for name in names}
        self._api = Api(State.from_environment())
        self._namespace = namespace

    async def watch(self, began: float) -> None:
        """Look until cancelled; `began` is the event loop's time from which times count."""
        loop = asyncio.get_running_loop()
        while True:
            await self.look(loop.time() - began)
            await asyncio.sleep(POLL_SECONDS)

    async def look(self, now: float) -> None:
        """Once."""
        found = await asyncio.to_thread(self._read)
        for name, member in self.members.items():
            _update(member, found[name], now)

    def _read(self) -> dict[str, dict[str, Any]]:
        services = self._list("api/v1", "services")
        slices = self._list("apis/discovery.k8s.io/v1", "endpointslices")
        deployments = self._list("apis/apps/v1", "deployments")
        objects = self._list("apis/trifocal.dev/v1alpha1", "modeldeployments")
        return {
            name: {
                "service": next(s for s in services if s["metadata"]["name"] == name),
                "slices": _labelled(slices, "kubernetes.io/service-name", name),
                "deployments": _labelled(deployments, "trifocal.dev/model-deployment", name),
                "object": next(o for o in objects if o["metadata"]["name"] == name),
            }
            for name in self.members
        }

    def _list(self, group: str, plural: str) -> list[dict[str, Any]]:
        found = self._api.get(f"/{group}/namespaces/{self._namespace}/{plural}")
        items: list[dict[str, Any]] = (found or {})["items"]
        return items


def _labelled(items: list[dict[str, Any]], label: str, value: str) -> list[dict[str, Any]]:
    return [one for one in items if one["metadata"].get("labels", {}).get(label) == value]


def _update(member: Member, found: dict[str, Any], now: float) -> None:
    member.service = found["service"]["spec"]["clusterIP"]
    member.addresses = tuple(
        address
        for one in found["slices"]
        for endpoint in one.get("endpoints") or ()
        if endpoint["conditions"].get("ready")
        for address in endpoint["addresses"]
    )
    ordered = sum(one["spec"]["replicas"] for one in found["deployments"])
    ready = sum(one["status"].get("readyReplicas", 0) for one in found["deployments"])
    # A pod that is on its way out may still be ready.
    count = Count(now, ordered, min(ready, ordered))
    if not member.counts or (member.counts[-1].ordered, member.counts[-1].ready) != (
        count.ordered,
        count.ready,
    ):
        member.counts.append(count)
    scaling = found["object"].get("status", {}).get("scaling") or {}
    if scaling.get("desiredReplicas") != member.wanted:
        member.wanted = scaling.get("desiredReplicas")
        member.words.append((now, f"{scaling.get('reason')}: {scaling.get('message')}"))
