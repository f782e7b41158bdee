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
        found = _DURATION.fullmatch(value.strip())
        seconds = float(found[1]) * _UNITS[found[2]] if found else None
        if seconds is None or (seconds == 0 and not self._zero):
            self.fail(f"'{value}' is no length of time; write it like 180ms, 35s or 2m.")
        return seconds
