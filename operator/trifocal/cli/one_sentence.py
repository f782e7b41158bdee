"""Bad input of `trifocal simulate`: one sentence, exit code 2; and the lengths of time it reads."""

import re
from typing import Any

import click
from typing_extensions import override

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class Refused(click.ClickException):
    """The command cannot do this; the message says what to change."""

    exit_code = 2


class OneSentence(click.Command):
    """A command that does not print its usage before what was wrong with it."""

    @override
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Reads the options."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise Refused(error.format_message()) from error


def seconds_of(text: str) -> float | None:
    """The seconds of `180ms`, `35s`, `2m` or `1h`; None for what is no length of time."""
    found = _DURATION.fullmatch(text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


class Duration(click.ParamType[float]):
    """A length of time with its unit, in seconds."""

    name = "DURATION"

    def __init__(self, *, zero: bool = False) -> None:
        self._zero = zero

    @override
    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read `180ms`, `35s`, `2m` or `1h`."""
        if not isinstance(value, str):
            return value
        seconds = seconds_of(value)
        if seconds is None or (seconds == 0 and not self._zero):
            self.fail(f"'{value}' is no length of time; write it like 180ms, 35s or 2m.")
        return seconds


class Stretch(click.ParamType[tuple[float, float]]):
    """A stretch of time from the start of a trace, as its first and last second."""

    name = "FROM-TO"

    @override
    def convert(
        self,
        value: str | tuple[float, float],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, float]:
        """Read `30m-35m`."""
        if not isinstance(value, str):
            return value
        begin, _, end = value.partition("-")
        since, until = seconds_of(begin), seconds_of(end)
        if since is None or until is None:
            self.fail(f"'{value}' is no stretch of time; write it like 30m-35m.")
        if until <= since:
            self.fail(f"'{value}' ends before it begins; write the earlier time first.")
        return since, until
