"""A load beside other work: started, looked at while it runs, stopped."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from hack.load.clients import TritonConnection
from hack.load.generator import Connect, give
from hack.load.plan import LoadPlan
from hack.load.report import Report, Sample, summed_up


class BackgroundLoad:
    """A load in a thread of its own. `stop` may be called more than once."""

    def __init__(self, plan: LoadPlan, connect: Connect | None = None) -> None:
        self._plan = plan
        self._samples: list[Sample] = []
        self._stopped = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._began = time.monotonic()
        self._seconds: float | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._done = self._thread.submit(
            self._loop.run_until_complete,
            give(plan, connect or self._triton, self._samples.append, self._stopped),
        )

    def report(self, last_seconds: float | None = None) -> Report:
        """What came of it so far, or of its last seconds."""
        seconds = self._seconds or time.monotonic() - self._began
        span = min(last_seconds or seconds, seconds)
        samples = tuple(self._samples)
        return summed_up([s for s in samples if s.ended > seconds - span], span)

    def stop(self) -> Report:
        """End it, wait for requests under way, and report on all of it.

        What broke the load itself, rather than a request, is raised here.
        """
        if self._seconds is None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            try:
                self._done.result()
            finally:
                self._seconds = time.monotonic() - self._began
                self._thread.shutdown()
                self._loop.close()
        return self.report()

    def _triton(self) -> TritonConnection:
        return TritonConnection(self._plan.target)


@contextmanager
def load(plan: LoadPlan) -> Iterator[BackgroundLoad]:
    """A load that ends with the block."""
    running = BackgroundLoad(plan)
    try:
        yield running
    finally:
        running.stop()
