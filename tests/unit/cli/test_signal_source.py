"""Where the operator's scaling signal comes from, by its settings."""

import aiohttp
import pytest

from trifocal.autoscaling.prometheus.source import PrometheusSource
from trifocal.autoscaling.scraper import Scraper
from trifocal.cli.operator.signal_source import signal_source
from trifocal.settings import Settings

URL = "http://prometheus:9090"


@pytest.mark.parametrize("url", [None, URL])
async def test_pods_are_read_unless_prometheus_is_asked_for(url: str | None) -> None:
    async with aiohttp.ClientSession() as session:
        source, interval = signal_source(Settings(prometheus_url=url, scrape_seconds=7), session)
    assert isinstance(source, Scraper)
    assert interval == 7


@pytest.mark.parametrize(
    ("passes", "scrapes", "longer"), [(5, 30, 30), (60, 30, 60)], ids=["scrapes", "passes"]
)
async def test_something_new_is_known_as_often_as_the_slower_of_both_looks(
    passes: float, scrapes: float, longer: float
) -> None:
    settings = Settings(
        scaling_signal="prometheus",
        prometheus_url=URL,
        scrape_seconds=passes,
        prometheus_scrape_seconds=scrapes,
    )
    async with aiohttp.ClientSession() as session:
        source, interval = signal_source(settings, session)
    assert isinstance(source, PrometheusSource)
    assert interval == longer
