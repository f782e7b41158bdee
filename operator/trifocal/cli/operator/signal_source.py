"""Where the scaler learns of the load, and of work that waits, by the operator's settings."""

import aiohttp

from trifocal.autoscaling import scaler
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.client import (
    DEFAULT_LIMITS,
    PrometheusClient,
    QueryLimits,
)
from trifocal.autoscaling.prometheus.expression import PodLabels
from trifocal.autoscaling.prometheus.source import PrometheusSource
from trifocal.autoscaling.scraper import Scraper
from trifocal.autoscaling.wake_up import LIMITS, NobodyAsks, WakeUps, WakeUpSource, through
from trifocal.cli.operator import wall_clock
from trifocal.settings import Settings


def _prometheus(
    settings: Settings,
    session: aiohttp.ClientSession,
    url: str | None,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> PrometheusClient | None:
    """The operator's Prometheus, or what stands before it; None where there is none."""
    if url is None:
        return None
    access = PrometheusAccess(
        url=url,
        token_file=settings.prometheus_token_file,
        basic_auth=settings.prometheus_basic_auth,
        ca_file=settings.prometheus_ca_file,
    )
    return PrometheusClient(session, access, limits)


def signal_source(
    settings: Settings, session: aiohttp.ClientSession
) -> tuple[scaler.Source, float]:
    """Where the scaler learns what pods have counted, and how often there is something new."""
    prometheus = _prometheus(settings, session, settings.prometheus_url)
    if settings.scaling_signal == "pods" or prometheus is None:
        return Scraper(session, wall_clock.now), settings.scrape_seconds
    interval = max(settings.scrape_seconds, settings.prometheus_scrape_seconds)
    labels = PodLabels(
        namespace=settings.prometheus_namespace_label, pod=settings.prometheus_pod_label
    )
    max_age = scaler.rate_window(interval)
    return PrometheusSource(prometheus, wall_clock.now, max_age=max_age, labels=labels), interval


def wake_ups(settings: Settings, session: aiohttp.ClientSession) -> WakeUpSource:
    """Who asks users' queries: nobody, unless the administrator allows it."""
    url = settings.wake_up_prometheus_url or settings.prometheus_url
    prometheus = _prometheus(settings, session, url, LIMITS)
    if prometheus is None or not settings.wake_up_queries:
        return NobodyAsks(
            "Wake-up queries are asked only where the administrator sets wakeUp.queries and "
            "prometheus.url in the chart."
        )
    return WakeUps(through(prometheus, settings.wake_up_namespace_parameter), wall_clock.now)
