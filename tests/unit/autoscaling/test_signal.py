"""Rates, service time and latency from counters, by hand arithmetic."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, Reading, Signal, Windows, append, measure
from trifocal.triton.exposition import LatencyHistogram, ModelSamples

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WINDOWS = Windows(rate=timedelta(seconds=15), latency=timedelta(seconds=60))


def counted(  # noqa: PLR0913 - one for each family
    success: float = 0,
    *,
    failure: Mapping[str, float] | None = None,
    executions: float | None = None,
    inferences: float | None = None,
    compute_ms: float = 0,
    queue_ms: float = 0,
    pending: float = 0,
    quantiles_ms: Mapping[float, float] | None = None,
    buckets: Sequence[tuple[float, float]] = (),
) -> ModelSamples:
    """Counters of one pod; a batch of one item for each request unless said otherwise."""
    return ModelSamples(
        success=success,
        failure=failure or {},
        executions=success if executions is None else executions,
        inferences=success if inferences is None else inferences,
        compute_input_microseconds=compute_ms * 100,
        compute_infer_microseconds=compute_ms * 800,
        compute_output_microseconds=compute_ms * 100,
        queue_microseconds=queue_ms * 1000,
        pending=pending,
        request_quantiles_microseconds={
            quantile: ms * 1000 for quantile, ms in (quantiles_ms or {}).items()
        },
        latency=LatencyHistogram(buckets=tuple(buckets), sum_milliseconds=0) if buckets else None,
    )


def read(*points: tuple[float, ModelSamples]) -> tuple[Reading, ...]:
    """Readings, each some seconds ago, put together as the scaler does it."""
    found: tuple[Reading, ...] = ()
    for seconds_ago, samples in points:
        reading = Reading(at=NOW - timedelta(seconds=seconds_ago), samples=samples)
        found = append(found, reading, WINDOWS.latency)
    return found


def signal(
    readings: Mapping[str, Sequence[Reading]], *, percentile: int = 99, pods: str = ""
) -> Signal:
    found = measure(
        readings, pods.split() or list(readings), percentile=percentile, windows=WINDOWS, now=NOW
    )
    assert isinstance(found, Signal)
    return found


def test_rates_of_pods_add_up() -> None:
    found = signal(
        {
            "a": read((10, counted(100)), (0, counted(300))),
            "b": read((10, counted(7)), (0, counted(107))),
        }
    )
    assert found.arrivals_per_second == 30.0
    assert found.complete


def test_an_earlier_reading_that_comes_late_is_no_restart() -> None:
    """Two Prometheus take turns: 100 at 12 s ago and 280 at 3 s ago, the other 80 at 13 s ago."""
    readings = read((12, counted(100)), (13, counted(80)), (3, counted(280)), (3, counted(280)))
    assert [reading.samples.success for reading in readings] == [100, 280]
    assert signal({"a": readings}).arrivals_per_second == 20.0


def test_failed_and_waiting_requests_have_arrived_too() -> None:
    """In 10 s: 40 answered, 20 refused, and the queue grew by 30."""
    found = signal(
        {
            "a": read(
                (10, counted(0, failure={"REJECTED": 5}, pending=10)),
                (0, counted(40, failure={"REJECTED": 15, "OTHER": 10}, pending=40)),
            )
        }
    )
    assert found.arrivals_per_second == 9.0
    assert found.failures_per_second == 2.0
    assert found.waiting == 40


def test_a_queue_that_empties_is_no_arrival() -> None:
    found = signal({"a": read((10, counted(0, pending=50)), (0, counted(20)))})
    assert found.arrivals_per_second == 0.0


def test_only_the_last_seconds_count_for_the_rate() -> None:
    found = signal(
        {"a": read((50, counted(0)), (15, counted(5000)), (5, counted(5100)), (0, counted(5150)))}
    )
    assert found.arrivals_per_second == 10.0


def test_service_time_is_the_mean_execution_and_its_share_per_request() -> None:
    """100 requests in 40 executions saw 3,000 ms of execution: 30 ms each, shared by 2.5."""
    found = signal(
        {
            "a": read(
                (10, counted()),
                (0, counted(100, executions=40, compute_ms=3000, queue_ms=700)),
            )
        }
    ).service
    assert found
    assert found.execution_milliseconds == 30.0
    assert found.requests_per_execution == 2.5
    assert found.occupancy_milliseconds == 12.0
    assert found.queue_milliseconds == 7.0


def test_requests_with_several_items_are_seen() -> None:
    found = signal(
        {"a": read((10, counted()), (0, counted(10, inferences=40, compute_ms=100)))}
    ).service
    assert found
    assert found.inferences_per_request == 4.0


def test_service_time_is_unknown_without_answers() -> None:
    found = signal({"a": read((10, counted(9)), (0, counted(9, pending=3)))})
    assert found.service is None
    assert found.arrivals_per_second == pytest.approx(0.3)


def test_zero_is_seen_not_assumed() -> None:
    found = signal({"a": read((10, counted(9)), (0, counted(9)))})
    assert (found.arrivals_per_second, found.waiting, found.complete) == (0.0, 0.0, True)


def test_no_ready_pod_is_no_data() -> None:
    found = measure({}, [], percentile=99, windows=WINDOWS, now=NOW)
    assert isinstance(found, NoData)
    assert found.reason is ScaleReason.NO_READY_PODS


@pytest.mark.parametrize(
    "readings",
    [(), read((0, counted(5))), read((40, counted(5)), (20, counted(9)))],
    ids=["never read", "read once", "not read lately"],
)
def test_pods_that_give_no_rate_are_no_data(readings: tuple[Reading, ...]) -> None:
    found = measure({"a": readings}, ["a"], percentile=99, windows=WINDOWS, now=NOW)
    assert isinstance(found, NoData)
    assert found.reason is ScaleReason.NO_METRICS
    assert found.message == "None of 1 ready pods gave its metrics twice in the last 15 s."


def test_a_missing_pod_makes_the_signal_a_lower_bound() -> None:
    found = signal({"a": read((10, counted()), (0, counted(50)))}, pods="a b")
    assert found.arrivals_per_second == 5.0
    assert not found.complete


def test_one_failed_scrape_loses_nothing() -> None:
    found = signal({"a": read((15, counted()), (10, counted(50)), (5, counted(100)))})
    assert found.arrivals_per_second == 10.0
    assert found.complete


def test_a_pod_that_has_gone_is_left_out() -> None:
    readings = {
        "a": read((10, counted()), (0, counted(50))),
        "gone": read((10, counted()), (5, counted(5000))),
    }
    assert signal(readings, pods="a").arrivals_per_second == 5.0


def test_a_restarted_server_counts_from_zero() -> None:
    """1,000 before the restart, 30 since: 30 in the 5 s since the last reading."""
    found = signal({"a": read((10, counted(900)), (5, counted(1000)), (0, counted(30)))})
    assert found.arrivals_per_second == 6.0


def test_a_restart_is_seen_even_when_more_has_been_counted_since_than_at_first() -> None:
    """Between the readings 10 s and 0 s ago the counter only rises, but it fell on the way."""
    found = signal({"a": read((10, counted(10)), (5, counted(1000)), (0, counted(20)))})
    assert found.arrivals_per_second == 4.0


def test_readings_older_than_the_latency_window_are_forgotten() -> None:
    kept = read((120, counted(1)), (61, counted(2)), (60, counted(3)), (0, counted(4)))
    assert [r.samples.success for r in kept] == [3, 4]


def test_the_percentile_of_the_pods_histograms_together() -> None:
    """200 requests: 100 within 10 ms, 90 within 20, 10 within 50. p95 is half way in the last."""
    before = [(10, 1000), (20, 1000), (50, 1000), (math.inf, 1000)]
    after = [(10, 1050), (20, 1095), (50, 1100), (math.inf, 1100)]
    found = {
        "old": read(
            (30, counted(1, buckets=before)),
            (10, counted(1, buckets=before)),
            (0, counted(101, buckets=after)),
        ),
        "new": read(
            (10, counted()),
            (0, counted(100, buckets=[(10, 50), (20, 95), (50, 100), (math.inf, 100)])),
        ),
    }
    assert signal(found, percentile=50).latency_milliseconds == 10.0
    assert signal(found, percentile=95).latency_milliseconds == 20.0
    assert signal(found, percentile=99).latency_milliseconds == pytest.approx(44.0)


def test_latency_above_the_last_edge_is_at_least_that_edge() -> None:
    buckets = [(10, 1), (50, 2), (math.inf, 100)]
    found = signal({"a": read((10, counted()), (0, counted(100, buckets=buckets)))})
    assert found.latency_milliseconds == 50.0


def test_a_refused_request_is_later_than_any_answered_one() -> None:
    """98 fast answers and 2 refusals in the queue: the 99th percentile was missed."""
    fast = [(10, 98), (50, 98), (math.inf, 98)]
    readings = read((10, counted()), (0, counted(98, failure={"REJECTED": 2}, buckets=fast)))
    assert signal({"a": readings}, percentile=99).latency_milliseconds == 50.0
    assert signal({"a": readings}, percentile=90).latency_milliseconds < 10.0  # type: ignore[operator]


def test_a_histogram_without_requests_has_no_percentile() -> None:
    idle = [(10, 5), (math.inf, 5)]
    readings = read((10, counted(5, buckets=idle)), (0, counted(5, buckets=idle)))
    assert signal({"a": readings}).latency_milliseconds is None


def test_summaries_of_pods_do_not_add_up_so_the_worst_pod_speaks() -> None:
    found = {
        "a": read((10, counted()), (0, counted(9, quantiles_ms={0.5: 10, 0.99: 31}))),
        "b": read((10, counted()), (0, counted(9, quantiles_ms={0.5: 12, 0.99: 28}))),
    }
    assert signal(found, percentile=99).latency_milliseconds == 31.0
    assert signal(found, percentile=50).latency_milliseconds == 12.0
    assert signal(found, percentile=90).latency_milliseconds is None


def test_an_idle_summary_is_not_a_number_and_no_latency() -> None:
    found = {"a": read((10, counted()), (0, counted(quantiles_ms={0.99: math.nan})))}
    assert signal(found).latency_milliseconds is None
