"""The HTTP front of a serving pod: nginx before Triton, so that no request is lost or let astray.

Triton's HTTP server keeps a connection for as long as the client wants and cuts it when it exits,
with whatever request is on it (docs/design/drain.md has the figures). The front closes each
connection after an answer once it is a few seconds old, with `Connection: close`, as the client
expects it; so before SIGTERM comes, every client that is at work has moved to another pod. It also
lets through only what clients of the one model need: Triton's own restriction of APIs is no
authentication. Pure.
"""

import json
import re
from functools import cache
from importlib import resources
from string import Template

from trifocal.triton.arguments import HTTP_PORT, MAX_CONNECTION_AGE_SECONDS, TRITON_HTTP_PORT

IDLE_CONNECTION_SECONDS = 75
"""nginx's own default for clients' idle connections."""
IDLE_UPSTREAM_SECONDS = 1
"""Idle connections to Triton are closed after this: it waits for them when it exits."""
BODY_BUFFER = "128k"
"""Read and passed on at once for each connection; an image of float32 has five times as much."""
WORKERS = 2
"""Processes. `auto` would start one for each core of the node, whatever the pod may use."""


class _Template(Template):
    """nginx has variables of its own with a dollar."""

    delimiter = "@"


@cache
def _template() -> _Template:
    """Read once: every pass over a ModelDeployment fills it in anew."""
    path = resources.files("trifocal.triton") / "nginx.conf"
    return _Template(path.read_text(encoding="utf-8"))


def http_front_config(model: str) -> str:
    """nginx.conf for a pod that serves one model."""
    refusal = f"Only health, metadata and inference of model {model} are served."
    return _template().substitute(
        workers=WORKERS,
        http_port=HTTP_PORT,
        triton_http_port=TRITON_HTTP_PORT,
        max_connection_age_seconds=MAX_CONNECTION_AGE_SECONDS,
        idle_connection_seconds=IDLE_CONNECTION_SECONDS,
        idle_upstream_seconds=IDLE_UPSTREAM_SECONDS,
        body_buffer=BODY_BUFFER,
        model_path=f"/models/{re.escape(model)}(/versions/[0-9]+)?",
        refusal=json.dumps({"error": refusal}),
    )
