"""Probes: what the loop last said, from a thread that a blocked loop does not stop."""

import http.client
import time as wall

from tests.support.fake_time import FakeTime
from trifocal.probes import SILENCE_SECONDS, Vitals, probes_served


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def vitals(problem: str | None = None) -> Vitals:
    return Vitals({"/healthz": lambda: None, "/readyz": lambda: problem}, FakeTime().monotonic)


def test_a_probe_that_finds_nothing_wrong_is_ok() -> None:
    with probes_served(vitals(), 0) as port:
        assert get(port, "/healthz") == (200, "ok\n")


def test_a_probe_says_what_is_wrong() -> None:
    with probes_served(vitals("Not watched yet: Job."), 0) as port:
        assert get(port, "/healthz") == (200, "ok\n")
        assert get(port, "/readyz") == (503, "Not watched yet: Job.\n")


def test_what_is_no_probe_is_not_found() -> None:
    with probes_served(vitals(), 0) as port:
        assert get(port, "/metrics")[0] == 404


def test_a_loop_that_has_been_silent_fails_every_probe() -> None:
    time = FakeTime()
    silent = Vitals({"/healthz": lambda: None}, time.monotonic)
    time.pass_by(SILENCE_SECONDS)
    assert silent.problem("/healthz") is None
    time.pass_by(1)
    assert silent.problem("/healthz") == "The event loop has not turned for 31 s."


async def test_a_loop_that_is_blocked_right_now_is_answered_for() -> None:
    """This test's own loop is the blocked one: it runs no other task while it asks."""
    said = Vitals({"/healthz": lambda: None}, wall.monotonic)
    with probes_served(said, 0) as port:
        assert get(port, "/healthz") == (200, "ok\n")


def test_a_client_that_sends_nothing_stops_no_other() -> None:
    with probes_served(vitals(), 0) as port:
        idle = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        idle.connect()
        assert get(port, "/healthz")[0] == 200
        idle.close()
