"""Rows that users' programs read, and the table that people read."""

import json
from dataclasses import replace

from rich.console import Console

from tests.unit.autoscaling.simulation.results import job, result
from trifocal.autoscaling.simulation.result import JobResult
from trifocal.autoscaling.simulation.table import as_json, row, table


def test_a_row_has_exactly_these_keys() -> None:
    # 180 requests, 3 of them late: 3 % of the second minute's. Two replicas for two minutes.
    assert row(result("keda")) == {
        "policy": "keda",
        "bad_minutes": 1,
        "minutes": 2,
        "late_fraction": 3 / 180,
        "replica_hours": 4 / 60,
        "scale_events": 0,
        "peak_replicas": 2,
    }


def test_json_is_a_list_in_the_order_played() -> None:
    rows = json.loads(as_json([result("keda"), result("aimd")]))

    assert [one["policy"] for one in rows] == ["keda", "aimd"]
    assert rows[0] == row(result("keda"))


def text(*jobs: JobResult) -> str:
    """On one line, wherever the console breaks it."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table([result("keda", *jobs)], "[b].csv", 0.05, "p99"))
    return " ".join(capture.get().split())


def test_table_has_figures_title_and_bound() -> None:
    printed = text()

    assert "[b].csv" in printed
    assert "1.67%" in printed
    assert "0.1 replica-hours" in printed
    assert "never answered" not in printed


def test_table_tells_of_requests_without_an_answer() -> None:
    assert "5 late requests were never answered." in text(replace(job(), unanswered=5))
