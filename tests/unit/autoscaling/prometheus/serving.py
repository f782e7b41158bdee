"""A server on this machine that answers queries as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

QUERY = "/api/v1/query"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Served:
    """Its address, and the forms and headers of the queries that it has seen."""

    url: str
    forms: list[Mapping[str, object]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Served]:
    """Anything but a POST to the query path is answered with 404 or 405."""
    served = Served(url="")

    async def handle(request: web.Request) -> web.StreamResponse:
        served.forms.append(await request.post())
        served.headers.append(request.headers)
        return await handler(request)

    app = web.Application()
    app.router.add_post(QUERY, handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def saying(body: str, status: int = 200, **headers: str) -> Handler:
    """Answers every query the same."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status, headers=headers)

    return handle
