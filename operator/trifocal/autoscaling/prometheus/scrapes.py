"""From Prometheus' answer to each pod's scrape, or a sentence on why there is none. Pure.

What is missing is never zero: a pod without series, with old ones or with only some of them has
failed, as one that could not be read directly.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from trifocal.autoscaling.prometheus.answer import Answer, Series
from trifocal.autoscaling.prometheus.collection import uncollected
from trifocal.autoscaling.prometheus.expression import (
    BUCKET,
    COUNTED,
    FAILURE,
    SUMMARY,
    PodLabels,
)
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure
from trifocal.triton.exposition import PREFIX, ModelSamples, samples_of

_PodName = tuple[str, str]


@dataclass
class _Found:
    """What an answer has of one pod."""

    at: float | None = None
    models: defaultdict[str, list[Series]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Which samples are of use."""

    now: datetime
    max_age: timedelta
    """An older one is outside of every window."""


@uncollected()
def read_scrapes(
    answer: Answer, pods: Iterable[PodAddress], labels: PodLabels, fresh: Freshness
) -> dict[str, Scrape | ScrapeFailure]:
    """What each of the pods has counted, by uid, or why that is unknown.

    Args:
        answer: To the expression of `counted_by`, with the same labels.
        pods: Those that are asked for; others in the answer are left out.
        labels: That say whose a series is.
        fresh: How old a sample may be.
    """
    asked = {(pod.namespace, pod.name): pod for pod in pods}
    found = _by_pod(answer.series, labels, asked)
    return {
        pod.uid: _scrape(pod, found[name], fresh)
        if name in found
        else _absent(pod, labels, answer.warnings)
        for name, pod in asked.items()
    }


def _by_pod(
    series: Iterable[Series], labels: PodLabels, asked: Mapping[_PodName, PodAddress]
) -> dict[_PodName, _Found]:
    found: dict[_PodName, _Found] = {}
    for each in series:
        of = each.labels
        name = (of.get(labels.namespace, ""), of.get(labels.pod, ""))
        if name not in asked:
            continue
        pod = found.get(name) or found.setdefault(name, _Found())
        if "__name__" in of:
            pod.models[of.get("model", "")].append(each)
        else:
            pod.at = each.points[-1].value
    return found


def _absent(pod: PodAddress, labels: PodLabels, warnings: Sequence[str]) -> ScrapeFailure:
    """A new pod is absent until its first scrape; one that stays so is not scraped, or unnamed."""
    said = f" Prometheus warns: {warnings[0]}." if warnings else ""
    return ScrapeFailure(
        message=f"Prometheus has no metrics of Triton with {labels.namespace}={pod.namespace!r} "
        f"and {labels.pod}={pod.name!r}: the pod has not been scraped, or its series lack these "
        f"labels.{said}"
    )


def _scrape(pod: PodAddress, found: _Found, fresh: Freshness) -> Scrape | ScrapeFailure:
    whose = f"pod {pod.namespace}/{pod.name}"
    if found.at is None:
        return _partial(whose, [COUNTED[0]])
    at = datetime.fromtimestamp(found.at, UTC)
    if fresh.now - at > fresh.max_age:
        return ScrapeFailure(
            message=f"Prometheus' newest sample of {whose} is of {at:%H:%M:%S} UTC, longer ago "
            f"than the {fresh.max_age.total_seconds():g} s that are looked back: it has stopped "
            "scraping it, scrapes it more rarely than the operator was told, or the clocks "
            "disagree."
        )
    models = {}
    for model, series in found.models.items():
        if missing := sorted(set(COUNTED) - {each.labels["__name__"] for each in series}):
            return _partial(whose, missing)
        models[model] = _model_samples(series)
    return Scrape(at=at, models=models)


def _partial(whose: str, missing: Sequence[str]) -> ScrapeFailure:
    return ScrapeFailure(
        message=f"Prometheus has metrics of {whose}, but no {' and no '.join(missing)}: a rule of "
        "its scrape configuration drops what the scaler needs."
    )


def _model_samples(series: Iterable[Series]) -> ModelSamples:
    """The samples of one model, which has all that is counted."""
    totals: dict[str, float] = {}
    failure: dict[str, float] = {}
    quantiles: dict[float, float] = {}
    buckets: dict[float, float] = {}
    for labels, points in series:
        name, value = labels["__name__"], points[-1].value
        if name == FAILURE:
            failure[labels.get("reason", "")] = value
        elif name == BUCKET:
            buckets[float(labels["le"])] = value
        elif name == SUMMARY:
            if not math.isnan(value):
                quantiles[float(labels["quantile"])] = value
        else:
            totals[name.removeprefix(PREFIX)] = value
    return samples_of(totals, failure, quantiles, buckets)
