"""The harness's own line to the API server: kept alive, and never through the proxy."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.support.control_plane import ControlPlane
from trifocal.kube.kinds import EVENT, ON_DEMAND, WATCHED, Kind

Manifest = dict[str, Any]

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*WATCHED, *ON_DEMAND)}
PLURALS: Mapping[str, str] = {k.plural: k.name for k in (*WATCHED, *ON_DEMAND, EVENT)}
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_SECONDS = 30


class Unexpected(AssertionError):  # noqa: N818 - named for what it means to the run
    """The API server did not do what the harness needs.

    Attributes:
        status: what it answered, in HTTP.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{sentence} (HTTP {status})")
        self.status = status


class Client:
    """Reads and writes of the user, the controllers and the foreign managers. One thread's."""

    def __init__(self, plane: ControlPlane, agent: str) -> None:
        """Connect; `agent` is what the audit log calls this client."""
        address = urlsplit(plane.url)
        context = ssl.create_default_context(cafile=str(plane.authority))
        self._connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=context, timeout=_SECONDS
        )
        self._headers = {"Authorization": f"Bearer {plane.token}", "User-Agent": agent}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def call(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, Manifest]:
        """One call: HTTP status and what was answered."""
        headers = {**self._headers, "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()  # the server hung up while nothing was asked
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def must(self, method: str, path: str, body: object = None, content_type: str = MERGE) -> Any:
        """A call that has to succeed; what was answered."""
        status, answer = self.call(method, path, body, content_type)
        if status >= 300:
            raise Unexpected(status, f"{method} {path}: {answer.get('message')}")
        return answer

    def list(self, kind: str, namespace: str) -> list[Manifest]:
        """All objects of a kind in a namespace, by name."""
        known = KINDS[kind]
        items = self.must("GET", known.path(namespace))["items"]
        return [{**item, "kind": kind, "apiVersion": known.api_version} for item in items]

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object, or None."""
        status, answer = self.call("GET", KINDS[kind].path(namespace, name))
        return answer if status == 200 else None

    def create(self, manifest: Manifest) -> Manifest:
        """Create an object."""
        path = KINDS[manifest["kind"]].path(manifest["metadata"]["namespace"])
        made: Manifest = self.must("POST", path, manifest, "application/json")
        return made

    def merge(self, obj: Manifest, patch: Manifest, *, subresource: str = "") -> Manifest | None:
        """Patch an object that was read before; None when it has gone since."""
        metadata = obj["metadata"]
        path = KINDS[obj["kind"]].path(metadata["namespace"], metadata["name"])
        pinned = {**patch, "metadata": {"uid": metadata["uid"], **patch.get("metadata", {})}}
        status, answer = self.call("PATCH", path + subresource, pinned, MERGE)
        if status in (404, 409):
            return None
        if status >= 300:
            raise Unexpected(status, f"PATCH {path}{subresource}: {answer.get('message')}")
        return answer

    def delete(self, obj: Manifest) -> None:
        """Delete exactly this object, at once; gone already is as good."""
        metadata = obj["metadata"]
        path = KINDS[obj["kind"]].path(metadata["namespace"], metadata["name"])
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        options |= {"preconditions": {"uid": metadata["uid"]}}
        status, answer = self.call("DELETE", path, options)
        if status not in (200, 202, 404, 409):
            raise Unexpected(status, f"DELETE {path}: {answer.get('message')}")
