"""`trifocal operator` with a defect, for tests of liveness: the operator itself has no such switch.

TRIFOCAL_DEFECT names a function of this module, which changes the operator before it starts.
"""

import asyncio
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

from kopf._cogs.clients import watching

import trifocal.probes
from trifocal.reconcile.queue import Key
from trifocal.reconcile.reconciler import Outcome, Reconciler

LIMIT_SECONDS = 5.0
"""Instead of the 30 s and 5 min that liveness allows: a test would wait for nothing else."""


def blocked_loop() -> None:
    """From SIGUSR1 on, the main thread and so its event loop do nothing more."""
    trifocal.probes.SILENCE_SECONDS = LIMIT_SECONDS

    def block(_number: int, _frame: FrameType | None) -> None:
        time.sleep(3600)

    signal.signal(signal.SIGUSR1, block)


def endless_pass() -> None:
    """Passes neither end nor let themselves be ended."""
    import trifocal.cli.operator.process  # noqa: PLC0415 - the other defects must come before it

    trifocal.cli.operator.process.STUCK_SECONDS = LIMIT_SECONDS

    async def reconcile(_self: Reconciler, _key: Key) -> Outcome:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    Reconciler.reconcile = reconcile  # type: ignore[method-assign,assignment]


def stuck_watcher() -> None:
    """Jobs are listed and then never watched: kopf's task for them waits for nothing."""
    watch = watching.watch_objs

    async def stuck(*arguments: Any, **named: Any) -> Any:
        if named["resource"].plural == "jobs":
            await asyncio.Event().wait()
        async for event in watch(*arguments, **named):
            yield event

    watching.watch_objs = stuck


if __name__ == "__main__":
    globals()[os.environ["TRIFOCAL_DEFECT"]]()
    from trifocal.cli.main import main

    sys.argv = ["trifocal", "operator"]
    main()
