"""Lengths of time: read as kubectl writes them, and shown as people say them."""

import re
from datetime import timedelta

import click
from typing_extensions import override

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
"""Seconds; a bare number is seconds."""
_TERM = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|)")
_SHOWN = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
"""Seconds, and the letter that stands for so many."""


class Timeout(click.ParamType[float]):
    """A length of time such as 90, 90s, 5m or 1h30m, in seconds."""

    name = "DURATION"

    @override
    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        if not isinstance(value, str):
            return float(value)
        terms = _TERM.findall(value)
        if not terms or "".join(number + unit for number, unit in terms) != value:
            self.fail(f"'{value}' is no length of time; write it like 90s, 5m or 1h30m.")
        return sum(float(number) * _UNITS[unit] for number, unit in terms)


def said(length: timedelta) -> str:
    """Its two largest units, as kubectl has ages: 45s, 12m5s, 3h, 2d5h. Nothing is below 0s."""
    seconds = max(0, round(length.total_seconds()))
    counts: list[tuple[int, str]] = []
    for size, letter in _SHOWN:
        count, seconds = divmod(seconds, size)
        if count or counts:
            counts.append((count, letter))
    return "".join(f"{count}{letter}" for count, letter in counts[:2] if count) or "0s"
