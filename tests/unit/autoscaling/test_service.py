"""What a pod can do, against hand arithmetic and a simulation of a batching server."""

import math
import random
from dataclasses import replace

import pytest

from trifocal.api.serving import Batching
from trifocal.autoscaling.queueing import wait_percentile
from trifocal.autoscaling.service import PodModel, pod_model
from trifocal.autoscaling.signal import ServiceTime
from trifocal.optimizer.contract import CapacityPoint

CPU = ((1, 12.0), (2, 22.0), (4, 42.0), (8, 82.0))
"""Batching gains little: tau(b) = 2 + 10 b."""
GPU = ((1, 6.0), (2, 7.0), (4, 9.0), (8, 13.0))
"""Batching gains a lot: tau(b) = 5 + b."""

UP_TO_8 = Batching(max_batch_size=8)


def points(curve: tuple[tuple[int, float], ...]) -> tuple[CapacityPoint, ...]:
    return tuple(
        CapacityPoint(batch=b, p50_milliseconds=ms, p99_milliseconds=ms) for b, ms in curve
    )


def model(
    curve: tuple[tuple[int, float], ...] = CPU,
    measured: ServiceTime | None = None,
    *,
    batching: Batching = UP_TO_8,
    instances: int = 1,
    percentile: int = 99,
) -> PodModel:
    found = pod_model(
        points(curve), measured, batching=batching, instances=instances, percentile=percentile
    )
    assert found
    return found


def served(
    milliseconds: float, *, batch: float = 1.0, items: float = 1.0, requests: float = 1000
) -> ServiceTime:
    return ServiceTime(
        execution_milliseconds=milliseconds,
        requests_per_execution=batch,
        inferences_per_request=items,
        queue_milliseconds=0,
        requests=requests,
    )


def simulated_latencies(
    curve: tuple[tuple[int, float], ...], rate: float, instances: int
) -> list[float]:
    """A batcher without delay: a free instance takes all that wait, up to the largest batch.

    Sizes between the measured ones are on the line. Sorted latencies in milliseconds (seed 7).
    """
    draw = random.Random(7)  # noqa: S311 - a simulation
    slope = (curve[1][1] - curve[0][1]) / (curve[1][0] - curve[0][0])
    arrivals, now = [], 0.0
    for _ in range(30_000):
        now += draw.expovariate(rate / 1000)
        arrivals.append(now)
    free, latencies, first = [0.0] * instances, [], 0
    while first < len(arrivals):
        instance = free.index(min(free))
        start = max(free[instance], arrivals[first])
        last = first
        while last < len(arrivals) and arrivals[last] <= start and last - first < curve[-1][0]:
            last += 1
        free[instance] = start + curve[0][1] + slope * (last - first - 1)
        latencies += [free[instance] - arrived for arrived in arrivals[first:last]]
        first = last
    return sorted(latencies)


def test_an_idle_pod_takes_one_execution() -> None:
    assert model().latency_milliseconds(0.0) == 12.0


def test_without_batching_it_is_the_queue_of_single_executions() -> None:
    """19 requests/s at 12 ms: M/D/1 at 0.23 waits 1.578 executions at p99 (Franx), 30.9 ms."""
    alone = model(batching=Batching(max_batch_size=1))
    assert alone.latency_milliseconds(19.0) == pytest.approx(30.9, abs=0.1)


def test_pods_that_share_a_queue_are_its_servers() -> None:
    """Four pods at 0.8: M/D/4, where four times M/D/1 at the same load would wait longer."""
    alone = model(batching=Batching(max_batch_size=1))
    rate = 4 * 0.8 * 1000 / 12
    shared = replace(alone, balancing="shared").shared_latency_milliseconds(rate, 4)
    assert shared == pytest.approx(12 + 12 * wait_percentile(4, 0.8, 99))
    assert alone.shared_latency_milliseconds(rate, 4) == alone.latency_milliseconds(rate / 4)
    assert shared < 0.5 * alone.latency_milliseconds(rate / 4)


def test_overload_has_no_finite_latency() -> None:
    alone = model(batching=Batching(max_batch_size=1))
    assert alone.latency_milliseconds(90.0) == math.inf
    assert not alone.carries(90.0)
    assert alone.carries(70.0)


def test_batches_carry_what_single_executions_cannot() -> None:
    """tau(8) / 8 = 1.625 ms: 400 requests/s are 65 % of one instance; alone they would be 240 %."""
    assert model(GPU).carries(400.0)
    assert not model(GPU, batching=Batching(max_batch_size=1)).carries(400.0)


@pytest.mark.parametrize("instances", [1, 2, 4])
@pytest.mark.parametrize(
    ("curve", "rates"), [(CPU, (10, 30, 50, 70, 85)), (GPU, (20, 80, 150, 250, 400, 550))]
)
def test_modelled_latency_is_no_less_than_a_simulated_batcher_gives(
    curve: tuple[tuple[int, float], ...], rates: tuple[int, ...], instances: int
) -> None:
    for rate in rates:
        latencies = simulated_latencies(curve, rate * instances, instances)
        for percentile in (50, 90, 95, 99):
            simulated = latencies[int(len(latencies) * percentile / 100)]
            pod = model(curve, instances=instances, percentile=percentile)
            assert pod.latency_milliseconds(rate * instances) >= 0.99 * simulated


def test_live_counters_correct_the_jobs_measurement() -> None:
    """Live batches of 2 take 44 ms where the Job measured 22: everything is twice as slow."""
    slower = model(measured=served(44.0, batch=2))
    assert [e.milliseconds for e in slower.executions] == [24, 44, 84, 164]


def test_a_few_requests_do_not_correct_anything() -> None:
    """The first request after a start took 900 ms to warm up."""
    assert model(measured=served(900.0, requests=19)).alone_milliseconds() == 12.0


def test_counters_alone_serve_when_the_job_measured_nothing() -> None:
    pod = model((), served(30.0, batch=3))
    assert [(e.requests, e.milliseconds) for e in pod.executions] == [(1, 30), (3, 30)]


def test_nothing_known_is_no_model() -> None:
    assert pod_model((), None, batching=Batching(), instances=1, percentile=99) is None


def test_requests_of_several_items_fill_batches_sooner() -> None:
    """Three items a request: one request is a batch of 3 (32 ms), and 8 items are 2.67 requests."""
    pod = model(measured=served(32.0, items=3))
    assert [round(e.requests, 2) for e in pod.executions] == [1, 1.33, 2.67]
    assert pod.alone_milliseconds() == 32.0


def test_batches_larger_than_the_configured_are_not_counted_on() -> None:
    pod = model(GPU, batching=Batching(max_batch_size=4))
    assert max(e.requests for e in pod.executions) == 4


def test_waiting_for_a_batch_counts_as_latency() -> None:
    pod = model(batching=Batching(max_batch_size=8, max_queue_delay_microseconds=5000))
    assert pod.alone_milliseconds() == 17.0


def test_a_tail_objective_sees_the_slow_executions_and_a_median_the_usual() -> None:
    noisy = (CapacityPoint(batch=1, p50_milliseconds=10, p99_milliseconds=14),)
    for percentile, expected in ((50, 10), (90, 14), (99, 14)):
        pod = pod_model(noisy, None, batching=Batching(), instances=1, percentile=percentile)
        assert pod
        assert pod.alone_milliseconds() == expected


def test_interruptions_of_the_job_are_no_longer_in_pods_that_are_slower() -> None:
    """Seen on a cluster: 0.05 and 0.33 ms in the Job, 185 ms in the pods, whose p99 was 340 ms."""
    noisy = (CapacityPoint(batch=1, p50_milliseconds=0.05, p99_milliseconds=0.33),)
    one_by_one = Batching(max_batch_size=1)
    slower = pod_model(noisy, served(185.0), batching=one_by_one, instances=1, percentile=99)
    assert slower
    assert slower.alone_milliseconds() == pytest.approx(185.28)


def test_interruptions_of_the_job_are_shorter_in_pods_that_are_faster() -> None:
    noisy = (CapacityPoint(batch=1, p50_milliseconds=10, p99_milliseconds=14),)
    one_by_one = Batching(max_batch_size=1)
    faster = pod_model(noisy, served(5.0), batching=one_by_one, instances=1, percentile=99)
    assert faster
    assert faster.alone_milliseconds() == pytest.approx(7.0)


def test_a_size_between_the_measured_ones_lies_on_the_line() -> None:
    """Batches of 3 between 22 and 42 ms take 32 ms; live 32 ms therefore changes nothing."""
    assert model(measured=served(32.0, batch=3)).alone_milliseconds() == 12.0


def test_a_size_beyond_the_measured_ones_grows_in_proportion() -> None:
    """A batch of 16 is taken for two of 8, 164 ms; live 82 ms halves every figure."""
    assert model(measured=served(82.0, batch=16)).alone_milliseconds() == 6.0
