"""Argo CD's way of running a health check, in Python.

As `util/lua/lua.go` of argo-cd does: the object is the global `obj`, the script returns a table
with `status` and `message`, and of the standard library there are only `base`, `package`, `table`
and a part of `os` unless an administrator allows more. Argo CD's Lua (gopher-lua) is Lua 5.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from lupa import lua51

_NOT_OPENED = ("string", "math", "io", "os", "debug", "coroutine", "python")
"""What Argo CD leaves out or cuts down, and what lupa adds."""


class Health(StrEnum):
    """What a health check may return, from docs/operator-manual/health.md of argo-cd."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, kw_only=True)
class HealthStatus:
    """Result of a health check."""

    status: Health
    message: str


def health_check(path: Path) -> Callable[[Mapping[str, Any]], HealthStatus]:
    """The health check in a file, compiled once.

    Raises (when called):
        ValueError: it returned a status that Argo CD does not know.
        lua51.LuaError: it failed.
    """
    runtime = lua51.LuaRuntime(register_eval=False, unpack_returned_tuples=True)
    for library in _NOT_OPENED:
        runtime.globals()[library] = None
    script = runtime.compile(path.read_text())

    def check(obj: Mapping[str, Any]) -> HealthStatus:
        runtime.globals()["obj"] = runtime.table_from(obj, recursive=True)
        found = script()
        return HealthStatus(status=Health(found["status"]), message=found["message"])

    return check
