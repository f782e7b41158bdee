"""What a team declares for Flux: a GitRepository and a Kustomization.

Intervals are long, so nothing happens but what a test asks for, in the way in which
`flux reconcile` asks: with the annotation `requestedAt`.
"""

import time
from collections.abc import Mapping
from typing import Any

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.flux import KUSTOMIZATIONS, SOURCES

NAME = "models"
"""Of the GitRepository, the Kustomization, and the folder that it applies."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_HANDLED_SECONDS = 60  # a fetch, a build and a dry run take 2 s

Manifest = dict[str, Any]


class Delivery:
    """One GitRepository, and one Kustomization that applies its folder `models`."""

    def __init__(self, plane: ControlPlane, namespace: str, url: str) -> None:
        """Nothing is declared yet; `url` is what the repository is cloned from."""
        self.plane = plane
        self.namespace = namespace
        self._source = f"{SOURCES}/namespaces/{namespace}/gitrepositories/{NAME}"
        self._kustomization = f"{KUSTOMIZATIONS}/namespaces/{namespace}/kustomizations/{NAME}"
        self._url = url

    def declare(self, **spec: Any) -> None:
        """Apply both objects; `spec` is added to the Kustomization's."""
        self._apply(
            self._source,
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "spec": {"interval": "1h", "url": self._url, "ref": {"branch": "main"}},
            },
        )
        whole = {
            "interval": "1h",
            "path": f"./{NAME}",
            "prune": True,
            "wait": True,
            "timeout": "30m",
            "targetNamespace": self.namespace,
            "sourceRef": {"kind": "GitRepository", "name": NAME},
        }
        self._apply(
            self._kustomization,
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "spec": {**whole, **spec},
            },
        )

    def fetch(self, revision: str) -> None:
        """Have the source fetched now, as `flux reconcile source git` does, up to this commit."""
        self._request(self._source)

        def has_it() -> bool:
            artifact = self._read(self._source)["status"].get("artifact", {})
            return bool(artifact.get("revision") == revision)

        assert becomes_true(has_it, _HANDLED_SECONDS), self._read(self._source)["status"]

    def reconcile(self) -> None:
        """Have it applied and judged again now, as `flux reconcile kustomization` does."""
        token = self._request(self._kustomization)

        def is_handled() -> bool:
            status = self._read(self._kustomization)["status"]
            return bool(status.get("lastHandledReconcileAt") == token and not self.is_at_work())

        assert becomes_true(is_handled, _HANDLED_SECONDS), self.read()

    def read(self) -> Manifest:
        """The Kustomization."""
        return self._read(self._kustomization)

    def condition(self, kind: str = "Ready") -> Manifest:
        """A condition of the Kustomization; empty where there is none."""
        found = self.read().get("status", {}).get("conditions", ())
        return next((c for c in found if c["type"] == kind), {})

    def is_ready(self, revision: str) -> bool:
        """Whether it is Ready with this commit."""
        found = self.read()
        applied = found.get("status", {}).get("lastAppliedRevision") == revision
        return applied and self.condition().get("status") == "True"

    def has_failed(self, revision: str) -> bool:
        """Whether its last try of this commit failed."""
        tried = self.read().get("status", {}).get("lastAttemptedRevision") == revision
        return tried and self.condition().get("reason") == "HealthCheckFailed"

    def is_at_work(self) -> bool:
        """Whether it is applying, or waiting for what it has applied."""
        return self.condition("Reconciling").get("reason") == "Progressing"

    def leave(self) -> None:
        """Delete both, which prunes what was applied; wait until they are gone."""
        for path in (self._kustomization, self._source):
            self.plane.request("DELETE", path)
        paths = (self._kustomization, self._source)
        assert becomes_true(lambda: not any(map(self.plane.answers, paths)), _HANDLED_SECONDS)

    def _apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        metadata = {"name": NAME, "namespace": self.namespace}
        body = {**manifest, "metadata": metadata}
        query = "?fieldManager=team&force=true"
        status, answer = self.plane.request("PATCH", path + query, body, content_type=_APPLY)
        assert status < 300, answer

    def _request(self, path: str) -> str:
        token = f"{time.time_ns()}"
        annotations = {"reconcile.fluxcd.io/requestedAt": token}
        body = {"metadata": {"annotations": annotations}}
        status, answer = self.plane.request("PATCH", path, body, content_type=_MERGE)
        assert status < 300, answer
        return token

    def _read(self, path: str) -> Manifest:
        status, answer = self.plane.request("GET", path)
        assert status == 200, answer
        return answer
