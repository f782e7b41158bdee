"""Metrics and logs."""

import json
import logging

import aiohttp
import pytest
import structlog

from trifocal.telemetry import Metrics, configure_logging, exposition, served


async def get(app: aiohttp.web.Application, path: str) -> tuple[int, str]:
    async with (
        served(app, 0, host="127.0.0.1") as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.text()


async def test_metrics_count_passes_writes_and_events_by_their_labels() -> None:
    metrics = Metrics()
    metrics.passed("ok", 0.01)
    metrics.wrote("Job", "apply", "ok")
    metrics.seen("Pod")
    metrics.woke_late_by(0.03)
    metrics.gauge("trifocal_leader", "1 while leading.", lambda: 1.0)
    status, text = await get(exposition(metrics.registry), "/metrics")
    assert status == 200
    for sample in (
        'trifocal_reconcile_seconds_count{outcome="ok"} 1.0',
        'trifocal_api_writes_total{kind="Job",outcome="ok",verb="apply"} 1.0',
        'trifocal_watch_events_total{kind="Pod"} 1.0',
        'trifocal_event_loop_lag_seconds_bucket{le="0.025"} 0.0',
        'trifocal_event_loop_lag_seconds_bucket{le="0.05"} 1.0',
        "trifocal_leader 1.0",
    ):
        assert sample in text


def test_logs_are_json_with_the_object_they_are_about(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("info")
        with structlog.contextvars.bound_contextvars(namespace="ns", name="pages"):
            structlog.get_logger("ours").info("Job created", child="j")
        logging.getLogger("kopf.activities").warning("theirs")
        ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    assert (ours["event"], ours["namespace"], ours["name"], ours["child"], ours["level"]) == (
        "Job created",
        "ns",
        "pages",
        "j",
        "info",
    )
    assert (theirs["event"], theirs["logger"]) == ("theirs", "kopf.activities")
