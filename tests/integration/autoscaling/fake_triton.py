"""Pods that show the recorded metrics of a real Triton, a whole number of times as high."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.triton_metrics import HISTOGRAM, RECORDED
from tests.support.web_server import Answer, web_server

MODEL = "small"


def text(times: int) -> str:
    """The metrics, with every counter so many times as high."""
    return re.sub(
        r"(?m)^(nv_inference_.*\}) (\d+)$",
        lambda line: f"{line[1]} {int(line[2]) * times}",
        RECORDED + HISTOGRAM,
    )


@dataclass
class FakeTriton:
    """One pod. `times` may be set at any time."""

    port: int = 0
    times: int = 1
    answers: list[tuple[int, datetime]] = field(default_factory=list)
    """What it was at each scrape, and when."""

    def answer(self, _path: str) -> Answer:
        """What a scrape gets."""
        times = self.times
        self.answers.append((times, datetime.now(UTC)))
        return Answer(body=text(times).encode(), headers={"Content-Type": "text/plain"})


@contextmanager
def fake_triton() -> Iterator[FakeTriton]:
    """Runs while the block does."""
    pod = FakeTriton()
    with web_server(pod.answer) as server:
        pod.port = server.port
        yield pod
