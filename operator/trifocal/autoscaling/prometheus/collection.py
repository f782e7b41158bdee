"""Keeps Python's cycle collector out of work that makes many objects and no cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection within; only for a moment, and never around an `await`.

    An answer is tens of thousands of objects. At each few hundred the collector looks whether some
    are garbage, now and then through all that the process holds, and finds nothing: more than half
    of the time that reading takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
