"""Reads a trace from CSV, and says of a bad one where, and what to change."""

import csv
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np

from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, Trace, TraceError

_JITTER = 0.25
"""Share of a step by which the time between two rows may miss a whole number of steps: scrapes
and exports are late by seconds, and half a step would leave open which step is meant."""


def read_trace(text: str) -> Trace:
    """Reads `minute,job...` (requests per minute) or `timestamp,value` (requests per row).

    Minutes count up by one. Timestamps are ISO 8601, ascending; their step is the median distance
    of two rows, and a row may be late or early by a quarter of it. A timestamp that is left out
    means a step without requests, as monitoring systems omit counts of zero.

    Raises:
        TraceError: With the line, the value, and what to change.
    """
    rows = _rows(text)
    _, header = next(rows, (1, []))
    if not header:
        raise TraceError("The trace is empty; its first line is `minute,JOB...`.")
    names = [name.strip() for name in header]
    body = list(rows)
    _check_header(names, [number for number, _ in body])
    for number, cells in body:
        if len(cells) != len(names):
            raise TraceError(
                f"Line {number} has {len(cells)} values, but the header has {len(names)} columns."
            )
    by_minute = names[0] == "minute"
    counts = [_counts(number, names[1:], cells[1:]) for number, cells in body]
    labels = [(number, cells[0].strip()) for number, cells in body]
    steps, step_seconds = _minutes(labels) if by_minute else _timestamps(labels)
    requests = np.zeros((steps[-1] + 1, len(names) - 1))
    requests[steps] = counts
    jobs = {name: requests[:, job] for job, name in enumerate(names[1:])}
    return Trace(jobs=jobs, step_seconds=step_seconds)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells, without blank lines and a byte order mark."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines())
    return ((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))


def _check_header(names: Sequence[str], lines: Sequence[int]) -> None:
    if names[0] not in {"minute", "timestamp"}:
        hint = "; columns are separated by commas" if len(names) == 1 else ""
        raise TraceError(f"Line 1 starts with {names[0]!r}; write `minute` or `timestamp`{hint}.")
    if len(names) == 1 or not all(names):
        raise TraceError("Line 1 names no job for a column; write `minute,JOB...`.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TraceError(f"Line 1 has two columns {twice!r}; give each job its own name.")
    if not lines:
        raise TraceError("The trace has a header and no rows; add one row per minute.")


def _counts(line: int, names: Iterable[str], cells: Iterable[str]) -> list[float]:
    return [_count(line, name, cell) for name, cell in zip(names, cells, strict=True)]


def _count(line: int, name: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise TraceError(
            f"Line {line}, column {name!r}: {cell!r} is no number of requests; "
            "write 0 or a positive number."
        )
    return value


def _minutes(labels: Sequence[tuple[int, str]]) -> tuple[list[int], float]:
    """The step of each row, and seconds per step."""
    first = _minute(*labels[0])
    for expected, (line, cell) in enumerate(labels, start=first):
        if _minute(line, cell) != expected:
            raise TraceError(
                f"Line {line}: minute {cell!r} where {expected} is next; sort the rows, and write "
                "zeros for a minute without requests."
            )
    return list(range(len(labels))), MINUTE_SECONDS


def _minute(line: int, cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise TraceError(f"Line {line}: {cell!r} is no minute; write 0, 1, 2...") from None


def _timestamps(labels: Sequence[tuple[int, str]]) -> tuple[list[int], float]:
    """The step of each row, and seconds per step."""
    times = [_timestamp(line, cell) for line, cell in labels]
    if len(times) == 1:
        raise TraceError(f"Line {labels[0][0]} is the only row; a step needs two timestamps.")
    gaps = [
        _gap(*label, before, at)
        for label, before, at in zip(labels[1:], times, times[1:], strict=False)
    ]
    step_seconds = statistics.median(gaps)
    steps = [0]
    for (line, cell), gap in zip(labels[1:], gaps, strict=True):
        passed = round(gap / step_seconds)
        if passed < 1 or abs(gap / step_seconds - passed) > _JITTER:
            raise TraceError(
                f"Line {line}: {cell!r} is {gap:g} s after the row before, but the trace's step "
                f"is {step_seconds:g} s; resample it to even steps."
            )
        steps.append(steps[-1] + passed)
    return steps, step_seconds


def _timestamp(line: int, cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        raise TraceError(
            f"Line {line}: {cell!r} is no timestamp; write it like 2026-01-31 12:00:00."
        ) from None


def _gap(line: int, cell: str, before: datetime, at: datetime) -> float:
    """Seconds between two rows."""
    if (before.tzinfo is None) != (at.tzinfo is None):
        raise TraceError(f"Line {line}: {cell!r}; give every timestamp a time zone, or none.")
    if at <= before:
        raise TraceError(
            f"Line {line}: {cell!r} is not after {before}; sort the rows, one row per time."
        )
    return (at - before).total_seconds()
