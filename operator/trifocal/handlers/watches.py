"""What is watched, and kopf's settings for it: kopf brings events and never writes anything."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import kopf

from trifocal.handlers.no_diffs import NoDiffs
from trifocal.kube.client import Manifest
from trifocal.kube.kinds import WATCHED, Kind, selector_of

PAGE = 500
"""Objects per list page."""
CLIENT_SECONDS = 600.0
"""A watch is opened again after this time: some load balancers keep dead connections open."""

Login: TypeAlias = Callable[..., Awaitable[kopf.AiohttpSession]]
"""kopf's login handler: a coroutine function, or kopf would call it in a thread."""

Receive: TypeAlias = Callable[[str, str | None, Manifest], None]
"""Given the kind, the event type (None: from a list), and the object."""


class Backoffs:
    """Waits between attempts of one request: growing, then steady, without end.

    kopf ends the operator when they run out, after about 50 s; an API server that is down for
    longer, or a role that was taken away for a while, would lose the warm cache. Never more than
    5 s: one refused connection for each kind is cheap, and changes are seen within 10 s of the
    API server's return.
    """

    def __iter__(self) -> Iterator[float]:
        """Begin anew: kopf iterates once for each request."""
        yield from (1, 1, 2, 3)
        while True:
            yield 5


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: no peering, no posting, no scanning, no state on the user's objects."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.persistence.diffbase_storage = NoDiffs()
    chosen.networking.error_backoffs = Backoffs()
    chosen.networking.connect_timeout = 5.0
    chosen.watching.chunk_size = PAGE
    chosen.watching.client_timeout = CLIENT_SECONDS
    # Handlers only pass a value on: there is nothing to wait for at exit.
    chosen.queueing.exit_timeout = 0.1
    for kind in WATCHED:
        if selector := selector_of(kind):
            chosen.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
    return chosen


def registry(receive: Receive, login: Login) -> kopf.OperatorRegistry:
    """A registry with a login and one event handler for each watched kind."""
    chosen = kopf.OperatorRegistry()
    kopf.on.login(registry=chosen)(login)
    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=chosen)(
            _handler(kind, receive)
        )
    return chosen


def _handler(kind: Kind, receive: Receive) -> Callable[..., Any]:
    async def on_event(event: kopf.RawEvent, **_: object) -> None:
        receive(kind.name, event["type"], event["object"])

    on_event.__name__ = f"on_{kind.plural}"
    return on_event
