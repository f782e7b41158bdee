"""Progress: it only rises, and whoever asks gets the latest."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from trifocal.optimizer.contract import Progress
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.progress_server import Latest, serving_progress


def test_percent_rises_from_0_to_100_through_the_steps() -> None:
    seen: list[Progress] = []
    announcer = Announcer(seen.append)

    for step in Step:
        for share in (0.0, 0.5, 1.0):
            announcer.at(step, share)

    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)


def test_detail_follows_the_step() -> None:
    seen: list[Progress] = []

    Announcer(seen.append).at(Step.CANDIDATES, 0.5, "int8, calibrating image 4 of 8")

    assert seen[0].step == "trying candidates: int8, calibrating image 4 of 8"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_latest_progress_is_served(host: str) -> None:
    if host == "[::1]" and not socket.has_dualstack_ipv6():
        pytest.skip("This machine has no IPv6.")
    latest = Latest()
    with serving_progress(latest, 0) as port:
        latest(Progress(step="judging candidates", percent=46))
        with urllib.request.urlopen(f"http://{host}:{port}/progress") as response:
            body = json.load(response)

    assert body == {"step": "judging candidates", "percent": 46}


def test_other_paths_are_not_found() -> None:
    with (
        serving_progress(Latest(), 0) as port,
        pytest.raises(urllib.error.HTTPError, match="404") as error,
    ):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")
    error.value.close()


def test_port_in_use_does_not_stop_the_work() -> None:
    with serving_progress(Latest(), 0) as port:
        assert port is not None
        with serving_progress(Latest(), port) as second:
            assert second is None
