"""What it costs to read many pods by way of Prometheus: queries, bytes and CPU time of a pass.

Answers are those that a real Prometheus 2.42 gave for pods with the text of a real Triton 2.51 and
a latency histogram, under other pods' names; they are there at once, without HTTP.

    uv run --frozen --extra extended python -m benchmarks.prometheus_pass
"""

import argparse
import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trifocal.autoscaling.prometheus.answer import Answer, read_answer
from trifocal.autoscaling.prometheus.source import PrometheusSource
from trifocal.autoscaling.scraper import PodAddress, Scrape

RECORDED = Path(__file__).parents[1] / "tests/unit/autoscaling/prometheus/data/answer.json"
POD = "once"
"""The recorded pod that is multiplied."""
PASSES = 3
"""The best is printed: the others shared their CPU with more."""


class Replayed:
    """Answers each query for all pods of the namespaces that it names."""

    def __init__(self, pods: list[PodAddress]) -> None:
        self._series = [
            each
            for each in json.loads(RECORDED.read_bytes())["data"]["result"]
            if each["metric"]["pod"] == POD
        ]
        self._pods = pods
        self._bodies: dict[str, bytes] = {}
        self.series = len(self._series)

    async def query(self, expression: str, at: datetime | None = None) -> Answer:  # noqa: ARG002
        """Reading the answer is part of the pass, making it is not."""
        return read_answer(self._bodies[expression], "http://prometheus")

    async def prepare(self, expression: str, at: datetime | None = None) -> Answer:  # noqa: ARG002
        """Make the answer of a query that will come."""
        found = re.search(r'namespace=~"([^"]*)"', expression)
        namespaces = set(found[1].split("|")) if found else set()
        result = [
            {**each, "metric": {**each["metric"], "namespace": pod.namespace, "pod": pod.name}}
            for pod in self._pods
            if pod.namespace in namespaces
            for each in self._series
        ]
        data = {"resultType": "vector", "result": result}
        body = json.dumps({"status": "success", "data": data}, separators=(",", ":"))
        self._bodies[expression] = body.encode()
        return Answer(series=())

    @property
    def size(self) -> tuple[int, int]:
        """Queries and bytes of a pass."""
        return len(self._bodies), sum(map(len, self._bodies.values()))


class Preparing:
    """Stands in for Prometheus while its answers are made."""

    def __init__(self, replayed: Replayed) -> None:
        self.query = replayed.prepare


def source(prometheus: Replayed | Preparing) -> PrometheusSource:
    """One for which no sample is too old."""
    return PrometheusSource(prometheus, lambda: datetime.now(UTC), max_age=timedelta(days=36500))


async def measured(pods: list[PodAddress]) -> tuple[Replayed, float]:
    """What was asked, and the CPU seconds of the best pass."""
    replayed = Replayed(pods)
    await source(Preparing(replayed)).scrape(pods)
    spent = []
    for _ in range(PASSES):
        start = time.process_time()
        scrapes = await source(replayed).scrape(pods)
        spent.append(time.process_time() - start)
    if not all(isinstance(scrape, Scrape) for scrape in scrapes.values()):
        raise RuntimeError("A pod was not read.")
    return replayed, min(spent)


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=1000, help="each with its namespace")
    parser.add_argument("--pods", type=int, default=4, help="of each deployment")
    options = parser.parse_args()
    pods = [
        PodAddress(
            uid=f"{d}-{p}", ip="", namespace=f"team-{d}", name=f"model-{d}-6d4cf56db6-{p:05d}"
        )
        for d in range(options.deployments)
        for p in range(options.pods)
    ]
    replayed, spent = asyncio.run(measured(pods))
    queries, size = replayed.size
    print(  # noqa: T201 - its purpose
        f"{len(pods)} pods with {replayed.series} series each: {queries} queries, "
        f"{size / 1e6:.1f} MB of answers, {spent:.2f} s CPU"
    )


if __name__ == "__main__":
    main()
