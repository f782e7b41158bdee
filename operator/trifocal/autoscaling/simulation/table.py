"""What the policies have achieved, as rows for programs and as a table for people. Pure."""

import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from trifocal.autoscaling.simulation.result import PolicyResult

KEYS = (
    "policy",
    "bad_minutes",
    "minutes",
    "late_fraction",
    "replica_hours",
    "scale_events",
    "peak_replicas",
)
"""Of a row; users' programs read these, so they neither change nor grow."""


def row(result: PolicyResult) -> dict[str, str | int | float]:
    """One policy's figures under KEYS."""
    return {key: getattr(result, key) for key in KEYS}


def as_json(results: Sequence[PolicyResult]) -> str:
    """A list of rows, in the order in which the policies were played."""
    return json.dumps([row(result) for result in results], indent=2)


def table(results: Sequence[PolicyResult], title: str, least_hours: float, share: str) -> Table:
    """The same for people, above the bound.

    Args:
        results: One for each policy.
        title: What was played.
        least_hours: Replica-hours that keeping the objective costs at least.
        share: The share that keeps the objective, like "p99".
    """
    unanswered = sum(job.unanswered for result in results for job in result.jobs)
    caption = f"Whoever keeps {share} in each step of the trace pays at least {least_hours:.1f} "
    caption += "replica-hours."
    if unanswered:
        caption += f" {unanswered} late requests were never answered."
    found = Table(
        title=escape(title), title_justify="left", caption=caption, caption_justify="left"
    )
    found.add_column("policy", no_wrap=True)
    for name in ("bad minutes", "of", "late", "replica-hours", "scale events", "peak replicas"):
        found.add_column(name, justify="right")
    for result in results:
        found.add_row(*cells(result))
    return found


def cells(result: PolicyResult) -> tuple[str, ...]:
    """One row's text."""
    return (
        result.policy,
        str(result.bad_minutes),
        str(result.minutes),
        f"{result.late_fraction:.2%}",
        f"{result.replica_hours:.1f}",
        str(result.scale_events),
        str(result.peak_replicas),
    )
