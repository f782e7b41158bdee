"""The client of a real cluster: kubernetes.aio's dynamic client behind the `Kube` Protocol."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self

import aiohttp
from kubernetes.aio.client import ApiClient, ApiException, Configuration
from kubernetes.aio.dynamic import DynamicClient

from trifocal.api.names import FIELD_MANAGER
from trifocal.kube.access import USER_AGENT, Access, open_session
from trifocal.kube.client import Manifest, Page
from trifocal.kube.errors import ApiError, Gone, Refused, Transient, from_response
from trifocal.kube.kinds import Kind, kind_named, kind_of
from trifocal.kube.limiter import TokenBucket

CONNECTIONS = 32
"""Connections at most: 8 workers that write up to 4 children side by side."""
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
"""For one request; a list page of 500 objects takes about a second on a busy server. A server that
drops packets is dialled anew soon: the system's own attempts come up to a minute apart."""
PAGE = 250
"""Objects per list page. client-go's reflector takes 500; each page is parsed in one piece, which
holds the event loop for a fifth of a millisecond an object."""
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

WriteObserver = Callable[[str, str, str], None]
"""Told of every answered write: kind, verb, outcome (ok, refused, transient, gone)."""


def no_fence() -> None:
    """Every write may pass."""


class Cluster:
    """One cluster. `async with` closes its connections."""

    def __init__(
        self,
        access: Access,
        bucket: TokenBucket,
        on_write: WriteObserver,
        fence: Callable[[], None] = no_fence,
    ) -> None:
        """Connect to nothing yet.

        Args:
            access: where the API server is.
            bucket: the rate limit of all requests.
            on_write: told of every write that was answered.
            fence: called right before a write is sent; what it raises is raised instead.
        """
        configuration = Configuration(host=access.server)
        self._api = ApiClient(configuration=configuration)
        self._api.user_agent = USER_AGENT
        # The library would build its own session without our token middleware.
        self._api.rest_client.pool_manager = open_session(access, connections=CONNECTIONS)
        self._dynamic = DynamicClient(self._api)  # type: ignore[no-untyped-call]
        self._bucket = bucket
        self._on_write = on_write
        self._fence = fence

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]

    async def apply(self, manifest: Manifest) -> Manifest:
        """See `Kube.apply`."""
        return await self._apply(manifest, subresource=None)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """See `Kube.apply_status`."""
        return await self._apply(manifest, subresource="status")

    async def _apply(self, manifest: Manifest, *, subresource: str | None) -> Manifest:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        namespace, name = _address(manifest)
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return await self._write(
            kind,
            f"apply {subresource}" if subresource else "apply",
            ("patch", path),
            body=manifest,
            content_type="application/apply-patch+yaml",
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
        )

    async def create(self, manifest: Manifest) -> Manifest:
        """See `Kube.create`."""
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        namespace, _ = _address(manifest)
        request = ("post", kind.path(namespace))
        return await self._write(
            kind, "create", request, body=manifest, field_manager=FIELD_MANAGER
        )

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> None:
        """See `Kube.delete`."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        known = kind_named(kind)
        try:
            await self._write(known, "delete", ("delete", known.path(namespace, name)), body=body)
        except Gone:
            return
        except Refused as refusal:
            # The uid belongs to a namesake made since: the one we meant is gone.
            if not refusal.is_conflict:
                raise

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """See `Kube.get`."""
        try:
            return await self._send(("get", kind_named(kind).path(namespace, name)))
        except Gone:
            return None

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> tuple[Manifest, ...]:
        """See `Kube.list`."""
        known = kind_named(kind)
        pages = self._pages(
            known,
            namespace,
            label_selector=label_selector or None,
            field_selector=field_selector or None,
        )
        return tuple([item async for page in pages for item in page.items])

    def pages(
        self, kind: str, *, label_selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Page]:
        """See `Kube.pages`."""
        options = {"header_params": {"Accept": METADATA_ONLY}} if metadata_only else {}
        return self._pages(kind_named(kind), None, label_selector=label_selector or None, **options)

    async def _pages(
        self, kind: Kind, namespace: str | None, **options: Any
    ) -> AsyncIterator[Page]:
        token: str | None = None
        while True:
            request = ("get", kind.path(namespace))
            answer = await self._send(request, limit=PAGE, _continue=token, **options)
            metadata = answer.get("metadata", {})
            # Items of a typed list carry neither of these; an empty list of metadata has null.
            named = {"apiVersion": kind.api_version, "kind": kind.name}
            items = tuple({**item, **named} for item in answer.get("items") or ())
            yield Page(items=items, version=metadata.get("resourceVersion", ""))
            token = metadata.get("continue") or None
            if token is None:
                return

    async def _write(
        self, kind: Kind, verb: str, request: tuple[str, str], **options: Any
    ) -> Manifest:
        try:
            answer = await self._send(request, before=self._fence, **options)
        except ApiError as error:
            self._on_write(kind.name, verb, type(error).__name__.lower())
            raise
        self._on_write(kind.name, verb, "ok")
        return answer

    async def _send(
        self, request: tuple[str, str], *, before: Callable[[], None] = no_fence, **options: Any
    ) -> Mapping[str, Any]:
        """One request; every failure becomes one of the three errors."""
        method, path = request
        what = f"{method.upper()} {path}"
        await self._bucket.wait()
        before()
        try:
            response = await self._dynamic.request(
                method, path, serialize=False, _request_timeout=REQUEST_TIMEOUT, **options
            )
            answer: dict[str, Any] = await response.json()
        except ApiException as error:
            translated = from_response(int(error.status), error.body, error.headers, what)
            if isinstance(translated, Transient) and "Retry-After" in (error.headers or {}):
                self._bucket.pause(translated.retry_after)
            raise translated from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Transient(f"{what}: {type(error).__name__} {error}") from error
        return answer


def _address(manifest: Manifest) -> tuple[str, str | None]:
    metadata = manifest["metadata"]
    return metadata["namespace"], metadata.get("name")
