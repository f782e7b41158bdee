"""What a person asks of a cluster and the operator never does: dry runs and edits of a spec."""

from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiException
from typing_extensions import override

from trifocal.api.schema import GROUP, PLURAL
from trifocal.kube.client import Manifest
from trifocal.kube.cluster import REQUEST_TIMEOUT, Cluster
from trifocal.kube.errors import Gone, Transient
from trifocal.kube.kinds import Kind, kind_named, kind_of

FIELD_MANAGER = "trifocal-cli"
"""Owner of what a person writes with this program; the operator's is `trifocal`. It must not begin
with `kubectl`: Flux takes the fields of such managers away at its next pass (by prefix, see
`apply` of kustomize-controller and `FieldManager.ExactMatch` of fluxcd/pkg/ssa)."""
DEFINITION = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{PLURAL}.{GROUP}"
"""Path of the CustomResourceDefinition."""
_NODE = Kind(name="Node", group="", version="v1", plural="nodes")
"""Not among the kinds of `kube.kinds`: the operator has no business with nodes."""
_MERGE_PATCH = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_STRICT = [("fieldValidation", "Strict")]
"""An unknown field is refused, as kubectl has it, instead of being dropped."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """To do something with a kind of object."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    """Empty: in all namespaces, or of an object that has none."""

    def attributes(self) -> dict[str, str]:
        """As a review asks for it."""
        return {key: value for key, value in asdict(self).items() if value}

    @override
    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {resource}{f'.{self.group}' if self.group else ''}{where}"


class UserCluster(Cluster):
    """The operator's client, with the requests that only people make."""

    async def merge(self, manifest: Manifest, patch: Manifest) -> Manifest:
        """Merge a patch into an object, as `kubectl patch --type=merge`."""
        return await self._patch(manifest, patch, _MERGE_PATCH, field_manager=FIELD_MANAGER)

    async def read(self, path: str) -> Manifest | None:
        """What the API server has at a path, of whatever kind; None where it has nothing."""
        try:
            return await self._send(("get", path))
        except Gone:
            return None

    async def delete_at(self, path: str, *, uid: str) -> None:
        """Delete what is at a path, of whatever kind, if it is the one with that uid."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        await self._send(("delete", path), body=options)

    async def log(self, pod: Manifest, container: str, *, previous: bool, lines: int) -> str:
        """The last lines of a container's log; empty where there is none to be had.

        Raises:
            Transient: The API server is away.
        """
        kind, metadata = kind_named("Pod"), pod["metadata"]
        path = f"{kind.path(metadata['namespace'], metadata['name'])}/log"
        wanted = {"container": container, "tailLines": lines, "previous": str(previous).lower()}
        await self._bucket.wait()
        try:
            response = await self._dynamic.request(
                "get",
                path,
                serialize=False,
                query_params=list(wanted.items()),
                _request_timeout=REQUEST_TIMEOUT,
            )
            return str(await response.text(errors="replace"))
        except ApiException:
            # Not started yet, without a node, its kubelet away, or no right to read it.
            return ""
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Transient(f"GET {path}: {type(error).__name__} {error}") from error

    async def nodes(self) -> tuple[Manifest, ...]:
        """Every node."""
        return tuple([node async for page in self._pages(_NODE, None) for node in page.items])

    async def may(self, right: Right) -> bool:
        """Whether the caller has it (a SelfSubjectAccessReview, which anybody may ask)."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": right.attributes()},
        }
        answer = await self._send(
            ("post", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), body=review
        )
        return bool(answer["status"]["allowed"])

    async def try_create(self, manifest: Manifest) -> Manifest:
        """What the API server would store if this were created. Nothing is written."""
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        path = kind.path(manifest["metadata"]["namespace"])
        return await self._send(
            ("post", path), body=manifest, dry_run="All", query_params=list(_STRICT)
        )

    async def try_merge(self, manifest: Manifest, patch: Manifest) -> Manifest:
        """What the API server would store after that merge. Nothing is written."""
        return await self._patch(manifest, patch, _MERGE_PATCH, dry_run="All")

    async def try_apply(self, manifest: Manifest, field_manager: str) -> Manifest:
        """What it would store after a server-side apply by that manager. Nothing is written."""
        return await self._patch(
            manifest,
            manifest,
            _APPLY,
            dry_run="All",
            field_manager=field_manager,
            force_conflicts=True,
        )

    async def _patch(
        self, manifest: Manifest, patch: Manifest, content_type: str, **options: Any
    ) -> Manifest:
        kind, metadata = kind_of(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
        return await self._send(
            ("patch", kind.path(metadata["namespace"], metadata["name"])),
            body=patch,
            content_type=content_type,
            query_params=list(_STRICT),
            **options,
        )
