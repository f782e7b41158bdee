"""The API server's audit log as values: what tests count requests with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, kw_only=True)
class AuditedRequest:
    """One finished request to the API server."""

    verb: str
    user: str
    user_agent: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    field_manager: str
    dry_run: bool

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "AuditedRequest":
        """From one line of the log (audit.k8s.io/v1)."""
        target = event.get("objectRef", {})
        query = parse_qs(urlsplit(event["requestURI"]).query)
        return cls(
            verb=event["verb"],
            user=event["user"]["username"],
            user_agent=event.get("userAgent", ""),
            resource=target.get("resource", ""),
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            field_manager=query.get("fieldManager", [""])[0],
            dry_run="dryRun" in query,
        )


@dataclass(frozen=True)
class AuditLog:
    """The log of one API server; it is written before each answer is sent."""

    path: Path

    def position(self) -> int:
        """Where the log ends now, in bytes: what happens later lies behind it."""
        return self.path.stat().st_size if self.path.exists() else 0

    def requests(self, since: int = 0) -> tuple[AuditedRequest, ...]:
        """Finished requests behind that position, the oldest first."""
        with self.path.open("rb") as log:
            log.seek(since)
            events = (json.loads(line) for line in log if line.endswith(b"\n"))
            return tuple(
                AuditedRequest.from_event(event)
                for event in events
                if event["stage"] in {"ResponseComplete", "Panic"}
            )

    def writes(self, since: int = 0) -> tuple[AuditedRequest, ...]:
        """Those that changed something: neither the server's own, nor dry runs, nor leases."""
        return tuple(
            request
            for request in self.requests(since)
            if request.verb in WRITES
            and not request.dry_run
            and request.user != "system:apiserver"
            and request.resource != "leases"
        )
