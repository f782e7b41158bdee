"""Stops every write of a process that no longer leads.

A leader that was stopped (SIGSTOP, a frozen machine) wakes up in the middle of a pass, before
its election notices the time. Asking the clock right before a write is sent, after all waiting
for the rate limit, closes that window.
"""

from collections.abc import Callable

from trifocal.kube.lease import LeadershipLost


class Fence:
    """Called before each write."""

    def __init__(self, held: Callable[[], bool]) -> None:
        self._held = held

    def __call__(self) -> None:
        """Let the write pass.

        Raises:
            LeadershipLost: the lease is not held; nothing was written.
        """
        if not self._held():
            raise LeadershipLost("The lease is no longer held: nothing was written.")
