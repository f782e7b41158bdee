"""Argo CD's way of running a health check, and an action, in Python.

As `util/lua/lua.go` of argo-cd does: the object is the global `obj`; a health check returns a table
with `status` and `message`, a discovery one of actions by name, an action the changed object. Of
the standard library there are only `base`, `package`, `table` and a part of `os` unless an
administrator allows more. Argo CD's Lua (gopher-lua) is Lua 5.1.
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
    run = _script(path)

    def check(obj: Mapping[str, Any]) -> HealthStatus:
        found = run(obj)
        return HealthStatus(status=Health(found["status"]), message=found["message"])

    return check


def discovery(path: Path) -> Callable[[Mapping[str, Any]], dict[str, bool]]:
    """The discovery in a file: by the name of each action, whether it is disabled."""
    run = _script(path)

    def discover(obj: Mapping[str, Any]) -> dict[str, bool]:
        return {name: bool(about["disabled"]) for name, about in run(obj).items()}

    return discover


def action(path: Path) -> Callable[[Mapping[str, Any]], Any]:
    """The action in a file: what it makes of an object."""
    run = _script(path)
    return lambda obj: _plain(run(obj))


def _script(path: Path) -> Callable[[Mapping[str, Any]], Any]:
    """A script, compiled once."""
    runtime = lua51.LuaRuntime(register_eval=False, unpack_returned_tuples=True)
    for library in _NOT_OPENED:
        runtime.globals()[library] = None
    script = runtime.compile(path.read_text())

    def run(obj: Mapping[str, Any]) -> Any:
        runtime.globals()["obj"] = runtime.table_from(obj, recursive=True)
        return script()

    return run


def _plain(value: Any) -> Any:
    """A Lua value as Python's; a table with a first element is a list."""
    if lua51.lua_type(value) != "table":
        return value
    if 1 in value:
        return [_plain(each) for each in value.values()]
    return {key: _plain(each) for key, each in value.items()}
