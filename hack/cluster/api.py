"""A small client of the API server, with the administrator's certificate."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from .errors import ClusterError
from .paths import State
from .settings import API_PORT, NODE_IP

_APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Api:
    """One connection to the API server; objects are JSON trees."""

    def __init__(self, state: State) -> None:
        """Trust this cluster's authority only."""
        context = ssl.create_default_context(cafile=str(state.pki / "ca.crt"))
        context.load_cert_chain(state.pki / "admin.crt", state.pki / "admin.key")
        self._connection = http.client.HTTPSConnection(
            NODE_IP, API_PORT, timeout=10, context=context
        )

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at `path`, or None if there is none."""
        return self._request("GET", path)

    def apply(self, path: str, content: Mapping[str, Any]) -> None:
        """Server-side apply."""
        self._request("PATCH", f"{path}?fieldManager=trifocal-cluster&force=true", content, _APPLY)

    def patch(self, path: str, content: Mapping[str, Any]) -> None:
        """JSON merge patch: null deletes a field."""
        self._request("PATCH", path, content, MERGE)

    def _request(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, kind: str = ""
    ) -> dict[str, Any] | None:
        body = json.dumps(content) if content is not None else None
        headers = {"Content-Type": kind, "User-Agent": "trifocal-cluster"} if kind else {}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ClusterError(f"the API server did not answer {method} {path}: {error}") from error
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ClusterError(f"the API server refused {method} {path}: {text[:300]}")
        parsed: dict[str, Any] = json.loads(text)
        return parsed
