"""One check of `trifocal check`: a name, a verdict, what was found, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line."""

    name: str
    verdict: Verdict
    found: str
    to_do: str = ""
