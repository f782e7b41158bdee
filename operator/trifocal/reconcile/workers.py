"""N workers take keys from the queue, make passes, and say when to look again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from trifocal.kube.errors import ApiError, Transient
from trifocal.kube.lease import LeadershipLost
from trifocal.reconcile.queue import TRANSIENT_CAP_SECONDS, Key, QueueClosed, WorkQueue
from trifocal.reconcile.reconciler import Outcome

RESYNC_JITTER = 0.2
"""Share of the resync interval by which objects are spread, so that they do not come together."""

PASS_SECONDS = 120.0
"""A pass that takes longer is broken off and made again: it holds a worker. One that writes
everything and waits for a smoke inference takes under 30 s unless each request is slow."""

_log = structlog.get_logger(__name__)

PassObserver = Callable[[str, float], None]
"""Told of every pass: outcome (ok, refused, transient, error) and seconds."""


class Passes(Protocol):
    """Makes one pass over an object; `Reconciler` does."""

    async def reconcile(self, key: Key) -> Outcome:
        """What came of it, and when to look again."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What the workers share."""

    queue: WorkQueue
    reconciler: Passes
    resync_seconds: float
    random: Callable[[], float]
    """Uniform in [0, 1)."""
    on_pass: PassObserver
    pass_seconds: float = PASS_SECONDS


async def work(shop: Workshop) -> None:
    """Make passes until the queue closes.

    Raises:
        LeadershipLost: this process may not write any more.
    """
    while True:
        try:
            key = await shop.queue.get()
        except QueueClosed:
            return
        namespace, name = key
        started_at = time.perf_counter()
        with structlog.contextvars.bound_contextvars(namespace=namespace, name=name):
            outcome = await _pass(shop, key)
        shop.on_pass(outcome, time.perf_counter() - started_at)


async def _pass(shop: Workshop, key: Key) -> str:
    try:
        async with asyncio.timeout(shop.pass_seconds):
            outcome = await shop.reconciler.reconcile(key)
    except (LeadershipLost, asyncio.CancelledError):
        shop.queue.give_back(key)
        raise
    except ApiError as error:
        delay = _retry(shop, key, error)
        _log.warning("pass failed", error=str(error), retry_in_seconds=round(delay, 1))
        return "transient"
    except TimeoutError:
        delay = shop.queue.retry(key)
        _log.warning("pass took too long; broken off", retry_in_seconds=round(delay, 1))
        return "transient"
    except Exception:  # noqa: BLE001 - one object's bug must not stop the others
        delay = shop.queue.retry(key)
        _log.exception("pass failed unexpectedly", retry_in_seconds=round(delay, 1))
        return "error"
    return _schedule(shop, key, outcome)


def _retry(shop: Workshop, key: Key, error: ApiError) -> float:
    if isinstance(error, Transient):
        return shop.queue.retry(key, at_least=error.retry_after, at_most=TRANSIENT_CAP_SECONDS)
    return shop.queue.retry(key)


def _schedule(shop: Workshop, key: Key, outcome: Outcome) -> str:
    if outcome.refused:
        shop.queue.retry(key)
        return "refused"
    if not outcome.gone:
        resync = shop.resync_seconds * (1 + RESYNC_JITTER * (2 * shop.random() - 1))
        again = resync if outcome.look_again is None else outcome.look_again.total_seconds()
        shop.queue.add_after(key, min(again, resync))
    shop.queue.done(key)
    return "ok"
