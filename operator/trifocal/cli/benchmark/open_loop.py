"""Sends requests at given instants, whatever becomes of those before: an open loop.

Clients of a service do not wait for each other. A closed loop, in which each worker sends its next
request when the last one is answered, asks less often just while the server is slow, and so leaves
out the waiting that others would have had: Schroeder, Wierman, Harchol-Balter, "Open Versus Closed:
A Cautionary Tale" (NSDI 2006); Gil Tene calls it coordinated omission (README of wrk2).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Arrivals = Literal["poisson", "constant"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request. Times in seconds since the load began."""

    due: float
    sent: float
    ended: float
    failure: str | None

    @property
    def latency(self) -> float:
        """From the instant at which it was due: a sender that is late hides nothing."""
        return self.ended - self.due


def instants(kind: Arrivals, rate: float, seconds: float, seed: int) -> tuple[float, ...]:
    """When each request is due, in seconds from the start, ascending.

    Args:
        kind: `poisson` as independent clients arrive, with gaps that are exponentially distributed;
            `constant` as a camera does.
        rate: Requests a second, in the mean.
        seconds: Every request is due before.
        seed: The same gives the same instants.
    """
    if kind == "constant":
        return tuple(number / rate for number in range(round(rate * seconds)))
    chance = np.random.default_rng(seed)
    due, found = 0.0, []
    while (due := due + float(chance.exponential(1 / rate))) < seconds:
        found.append(due)
    return tuple(found)


async def send(
    arrivals: Sequence[float],
    began: float,
    ask: Callable[[], Awaitable[str | None]],
    observe: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """Send all requests, each at its instant; the answers in the order of dues.

    Args:
        arrivals: Instants in seconds, ascending.
        began: The event loop's time from which they count.
        ask: Sends one request; what went wrong, or None. It ends in bounded time.
        observe: Told of each request when it is due.
    """
    loop = asyncio.get_running_loop()

    async def one(due: float) -> Answer:
        sent = loop.time() - began
        failure = await ask()
        return Answer(due, sent, loop.time() - began, failure)

    asked = []
    async with asyncio.TaskGroup() as group:
        for due in arrivals:
            await asyncio.sleep(began + due - loop.time())
            observe()
            asked.append(group.create_task(one(due)))
    return [task.result() for task in asked]
