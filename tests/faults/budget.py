"""How long the fault tests may take: small in CI, as long as one likes by `FAULT_BUDGET=60m`."""

import os
import re
import time
from collections.abc import Callable

DEFAULT_SECONDS = 150.0
"""With a core of its own a run takes 5 to 10 s, so a CI job sees about twenty."""
_UNITS = {"s": 1, "m": 60, "h": 3600}


def budget_seconds() -> float:
    """The whole budget, from `FAULT_BUDGET` (`90s`, `60m`, `2h`).

    Raises:
        ValueError: it is none of these.
    """
    return seconds_of(os.environ["FAULT_BUDGET"]) if _is_set("FAULT_BUDGET") else DEFAULT_SECONDS


def seconds_of(text: str) -> float:
    """Seconds of a text such as `60m`."""
    if not (found := re.fullmatch(r"(\d+)([smh])", text)):
        raise ValueError(f"FAULT_BUDGET is {text!r}; write it as 90s, 60m or 2h.")
    return float(int(found[1]) * _UNITS[found[2]])


def seed() -> int:
    """Where chance begins, from `FAULT_SEED`: the same every day where it is not set."""
    return int(os.environ["FAULT_SEED"]) if _is_set("FAULT_SEED") else 0


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name))


class Share:
    """A part of the budget that one test may use up; it may overrun by its last run."""

    def __init__(self, part: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock; `part` is between 0 and 1."""
        self._clock = clock
        self._ends = clock() + part * budget_seconds()
        self.used = 0

    def is_left(self) -> bool:
        """Whether another run may start; the first one always may."""
        return self.used == 0 or self._clock() < self._ends

    def use(self) -> None:
        """A run starts."""
        self.used += 1
