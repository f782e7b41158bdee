"""Starts the operator for the harness: shorter waits and, if one is asked for, a seeded bug.

The operator's code has no switch for tests. What differs here is written into its modules before
it starts, from outside, by dotted name. The waits are those that only keep a person or a cloud
from being hurried; a run would spend most of its time in them.
"""

import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.bugs import BUGS, replace_attribute
from trifocal.cli.main import main

PACE: dict[str, Any] = {
    # 30 s for clients' connections; nobody is connected.
    "trifocal.reconcile.pruning:DRAIN_HOLD": timedelta(seconds=1),
    # 30 s until a pod on a cheaper GPU product replaces a dearer one.
    "trifocal.reconcile.products:SETTLED_AFTER": timedelta(seconds=1),
    # 60 s between two watches of a slow API server.
    "trifocal.reconcile.optimizing:LOST_RESULT_GRACE": timedelta(seconds=3),
    # 5 min for what is away.
    "trifocal.reconcile.optimizing:RETRY_AFTER": timedelta(seconds=3),
    "trifocal.reconcile.waking:RETRY_AFTER": timedelta(seconds=3),
    # 10 s between looks at what no watch tells.
    "trifocal.reconcile.waking:TROUBLE_INTERVAL": timedelta(seconds=2),
    # 5 s until what is on its way is told.
    "trifocal.reconcile.telling:TOLD_AFTER": timedelta(seconds=0.5),
    # 5 min at most after many failures: here all failures end.
    "trifocal.reconcile.queue:BACKOFF_CAP_SECONDS": 4.0,
    # 2 s until the events of a list have arrived, 5 s until a watch counts as behind.
    "trifocal.kube.resync:SETTLE_SECONDS": 1.0,
    "trifocal.kube.resync:LAG_SECONDS": 2.0,
}
SEEDED = "TRIFOCAL_SEEDED_BUG"
"""Environment variable with a bug's name; the operator's settings know none of that name."""


CLOCK_FILE = "TRIFOCAL_CLOCK_FILE"
"""Environment variable with a file that says by how many seconds the wall clock is ahead."""


def _instead(value: Any, _: Any) -> Any:
    return value


def _set_by(file: Path, right: Callable[[], datetime]) -> Callable[[], datetime]:
    return lambda: right() + timedelta(seconds=float(file.read_text()))


def launch() -> None:
    """Be `trifocal operator`, but for these."""
    for where, value in PACE.items():
        replace_attribute(where, partial(_instead, value))
    if file := os.environ.get(CLOCK_FILE):
        replace_attribute("trifocal.cli.operator.wall_clock:now", partial(_set_by, Path(file)))
    if name := os.environ.get(SEEDED):
        BUGS[name].seed()
    sys.argv = ["trifocal", "operator"]
    main()


if __name__ == "__main__":
    launch()
