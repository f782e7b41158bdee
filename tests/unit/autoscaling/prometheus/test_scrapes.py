"""Scrapes from an answer that a real Prometheus gave to the very expression: see recorded.py."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.triton_metrics import HISTOGRAM
from tests.support.triton_metrics import RECORDED as TRITON
from tests.unit.autoscaling.prometheus.recorded import NOW, RECORDED, pod
from trifocal.autoscaling.prometheus.answer import Answer, Point, Series
from trifocal.autoscaling.prometheus.expression import SUCCESS, SUMMARY, PodLabels, counted_by
from trifocal.autoscaling.prometheus.scrapes import Freshness, read_scrapes
from trifocal.autoscaling.scraper import Scrape, ScrapeFailure
from trifocal.triton.exposition import parse

FRESH = Freshness(now=NOW, max_age=timedelta(seconds=15))


def scraped(
    name: str, answer: Answer = RECORDED, fresh: Freshness = FRESH
) -> Scrape | ScrapeFailure:
    (found,) = read_scrapes(answer, [pod(name)], PodLabels(), fresh).values()
    return found


def failure(name: str, answer: Answer = RECORDED, fresh: Freshness = FRESH) -> str:
    found = scraped(name, answer, fresh)
    assert isinstance(found, ScrapeFailure)
    return found.message


def test_one_expression_asks_for_all_namespaces_in_order() -> None:
    labels = PodLabels(namespace="kubernetes_namespace", pod="kubernetes_pod")
    found = counted_by({"vision", "audio-2"}, labels)
    assert found.count('{kubernetes_namespace=~"audio-2|vision"}') == 2
    assert found.endswith(
        " or max by (kubernetes_namespace, kubernetes_pod) (timestamp("
        'nv_inference_request_success{kubernetes_namespace=~"audio-2|vision"}))'
    )


@pytest.mark.parametrize("name", ["once", "twice"])
def test_a_pod_has_counted_what_its_text_says_however_often_it_was_scraped(name: str) -> None:
    found = scraped(name)
    assert isinstance(found, Scrape)
    assert found.models == parse(TRITON + HISTOGRAM)


def test_a_scrape_is_of_when_prometheus_made_it() -> None:
    """The later of both jobs' scrapes, 04:24:02.096, and not the time of the query."""
    found = scraped("twice")
    assert isinstance(found, Scrape)
    assert found.at == datetime(2026, 11, 28, 4, 24, 2, 96000, tzinfo=UTC)


def test_only_pods_that_are_asked_for_are_in_the_result() -> None:
    found = read_scrapes(RECORDED, [pod("once"), pod("gone")], PodLabels(), FRESH)
    assert {uid: type(scrape) for uid, scrape in found.items()} == {
        "uid-once": Scrape,
        "uid-gone": ScrapeFailure,
    }


def test_a_namesake_in_another_namespace_is_another_pod() -> None:
    found = read_scrapes(RECORDED, [pod("once", "other")], PodLabels(), FRESH)
    assert isinstance(found["uid-once"], ScrapeFailure)


def test_an_empty_answer_is_no_traffic_of_zero() -> None:
    assert failure("once", Answer(series=())) == (
        "Prometheus has no metrics of Triton with namespace='vision' and pod='once': the pod has "
        "not been scraped, or its series lack these labels."
    )


def test_warnings_are_told_with_what_is_missing_and_spoil_nothing_that_is_there() -> None:
    partial = Answer(series=RECORDED.series, warnings=("no answer from store b",))
    assert isinstance(scraped("once", partial), Scrape)
    assert failure("gone", partial).endswith(
        "or its series lack these labels. Prometheus warns: no answer from store b."
    )


def test_a_pod_without_one_of_the_counters_has_failed() -> None:
    assert failure("partial") == (
        "Prometheus has metrics of pod vision/partial, but no nv_inference_exec_count: a rule of "
        "its scrape configuration drops what the scaler needs."
    )


def test_a_pod_without_the_counter_that_tells_the_time_has_failed() -> None:
    without = [
        each
        for each in RECORDED.series
        if each.labels.get("__name__", SUCCESS) != SUCCESS and "__name__" in each.labels
    ]
    assert "but no nv_inference_request_success:" in failure("once", Answer(series=tuple(without)))


def test_samples_that_are_older_than_the_windows_have_failed() -> None:
    """04:24:02.302 is 15.0 s before 04:24:17.302."""
    sampled = datetime(2026, 11, 28, 4, 24, 2, 302000, tzinfo=UTC)
    limit = Freshness(now=sampled + timedelta(seconds=15), max_age=timedelta(seconds=15))
    assert isinstance(scraped("once", fresh=limit), Scrape)
    late = Freshness(now=sampled + timedelta(seconds=15.1), max_age=timedelta(seconds=15))
    assert failure("once", fresh=late) == (
        "Prometheus' newest sample of pod vision/once is of 04:24:02 UTC, longer ago than the 15 s "
        "that are looked back: it has stopped scraping it, scrapes it more rarely than the "
        "operator was told, or the clocks disagree."
    )


def test_a_quantile_that_is_no_number_is_none() -> None:
    """Which an idle model says, and Prometheus passes on."""
    idle = tuple(
        each._replace(points=(Point(0, float("nan")),))
        if each.labels.get("__name__") == SUMMARY
        else each
        for each in RECORDED.series
    )
    found = scraped("once", Answer(series=idle))
    assert isinstance(found, Scrape)
    assert found.models["small"].request_quantiles_microseconds == {}


def test_labels_may_have_other_names() -> None:
    renamed = tuple(
        Series(
            {{"namespace": "ns", "pod": "pod_name"}.get(k, k): v for k, v in each.labels.items()},
            each.points,
        )
        for each in RECORDED.series
    )
    labels = PodLabels(namespace="ns", pod="pod_name")
    found = read_scrapes(Answer(series=renamed), [pod("once")], labels, FRESH)
    assert isinstance(found["uid-once"], Scrape)
