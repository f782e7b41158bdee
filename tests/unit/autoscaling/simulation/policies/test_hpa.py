"""The HPA by the examples of its documentation and the rules of its source, kubernetes v1.33."""

import pytest

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm, steady, step
from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.policies import hpa
from trifocal.autoscaling.simulation.policies.hpa import HorizontalPodAutoscaler, Recommend
from trifocal.autoscaling.simulation.policy import Pods, Telemetry

NOTHING = ClosedForm()


def all_ready(count: int) -> Pods:
    return Pods(ordered=count, ready=count)


def recommends(*numbers: int | None) -> Recommend:
    """One number after the other, and the last for ever."""
    left = list(numbers)

    def recommend(now: float, pods: Pods, telemetry: Telemetry) -> int | None:
        del now, pods, telemetry
        return left.pop(0) if len(left) > 1 else left[0]

    return recommend


def followed(*numbers: int | None, start: int, syncs: int) -> list[int]:
    """Replicas sync by sync, when all pods are ready at once."""
    autoscaler, ordered, seen = HorizontalPodAutoscaler(recommends(*numbers)), start, []
    for sync in range(syncs):
        ordered = autoscaler.decide(15.0 * sync, all_ready(ordered), NOTHING)
        seen.append(ordered)
    return seen


@pytest.mark.parametrize(
    ("pods", "ratio", "replicas"),
    [
        (3, 2.0, 6),  # the documentation: 200m where 100m are wanted doubles them
        (4, 0.5, 2),  # 50m where 100m are wanted halves them
        (50, 90 / 75, 60),  # the blog on configurable tolerance: 90 % where 75 % are wanted
        (10, 1.1, 10),  # tolerance 0.1, both ends included
        (10, 0.9, 10),
        (10, 1.11, 12),
        (10, 0.85, 9),
    ],
)
def test_replicas_follow_the_ratio(pods: int, ratio: float, replicas: int) -> None:
    assert hpa.by_pods_metric(pods, pods, ratio) == replicas
    assert hpa.by_value(all_ready(pods), ratio) == replicas


@pytest.mark.parametrize(
    ("ordered", "measured", "ratio", "replicas"),
    [
        (4, 2, 3.0, 6),  # idle: (2 x 3 + 2 x 0) / 4 = 1.5, times 4
        (4, 3, 1.3, 4),  # idle: 3.9 / 4 is below 1, the direction turns, nothing changes
        (4, 3, 1.45, 4),  # idle: 4.35 / 4 is within the tolerance
        (4, 2, 0.5, 3),  # on target: (2 x 0.5 + 2) / 4 = 0.75, times 4
        (10, 5, 0.9, 10),  # on target: 0.95 is within the tolerance
    ],
)
def test_pods_without_a_metric_damp_both_directions(
    ordered: int, measured: int, ratio: float, replicas: int
) -> None:
    assert hpa.by_pods_metric(ordered, measured, ratio) == replicas


@pytest.mark.parametrize(
    ("ordered", "total", "replicas"), [(4, 100, 10), (10, 100, 10), (30, 100, 10), (10, 109, 10)]
)
def test_average_value_is_total_by_target(ordered: int, total: float, replicas: int) -> None:
    assert hpa.by_average_value(ordered, total, target=10) == replicas


def test_average_value_takes_no_notice_of_readiness() -> None:
    policy = hpa.rate(FARO)
    load = ClosedForm(arrivals=steady(42))
    # 42 requests/s of 0.7 / 0.18 s = 3.89 each: 10.8 pods.
    for ready in (0, 4, 8):
        assert policy.decide(300, Pods(ordered=8, ready=ready), load) == 11


def test_value_with_no_ready_pod_recommends_none() -> None:
    """kubernetes/kubernetes #130130: a deployment that is down is not scaled out."""
    assert hpa.by_value(Pods(ordered=4, ready=0), ratio=3.0) == 0


def test_scale_up_is_at_once_and_limited_to_four_pods_or_the_double() -> None:
    assert followed(100, start=1, syncs=6) == [5, 10, 20, 40, 80, 100]


def test_scale_down_waits_for_the_stabilisation_window_and_then_goes_all_the_way() -> None:
    """The first sync's 10 leave the window of 300 s at the 21st."""
    assert followed(2, start=10, syncs=22) == [10] * 20 + [2] * 2


def test_scale_down_stops_at_the_largest_recommendation_of_the_window() -> None:
    seen = followed(10, 4, 7, 2, start=10, syncs=24)
    # 10 is of 0 s, 7 of 30 s: at 300 s and at 330 s they have left.
    assert seen[19:] == [10, 7, 7, 2, 2]


def test_without_a_metric_nothing_changes() -> None:
    assert followed(None, start=7, syncs=30) == [7] * 30


def test_never_scales_to_zero() -> None:
    assert followed(0, start=1, syncs=30)[-1] == 1
    assert followed(None, start=0, syncs=1) == [1]


def test_utilisation_is_busy_time_of_ready_time() -> None:
    policy = hpa.utilisation(FARO)
    # 90 % where 70 % are wanted: 1.2857 x 7 = 9 pods.
    load = ClosedForm(busy=steady(0.9 * 7), ready=steady(7))
    assert policy.decide(300, all_ready(7), load) == 9


def test_utilisation_grows_by_no_more_than_its_target_allows() -> None:
    """All pods busy at a target of 70 % is a ratio of 1.43, whatever waits."""
    load = ClosedForm(busy=steady(10), ready=steady(10))
    assert hpa.utilisation(FARO).decide(300, all_ready(10), load) == 15


def test_a_pod_has_no_utilisation_before_its_second_scrape() -> None:
    """All busy, 1 / 0.7 of the target, and 4 of 14 new: 10 x 1.43 = 14.3 is within tolerance."""
    load = ClosedForm(busy=steady(10), ready=steady(10))
    policy = hpa.utilisation(FARO)
    seen = [policy.decide(300, all_ready(10), load)]
    seen += [policy.decide(300 + 15 * sync, all_ready(14), load) for sync in (1, 2, 3)]
    assert seen == [15, 14, 14, 20]


def test_utilisation_holds_while_no_pod_is_ready() -> None:
    load = ClosedForm(busy=steady(0), ready=steady(0))
    assert hpa.utilisation(FARO).decide(300, Pods(ordered=3, ready=0), load) == 3


def test_latency_counts_as_a_ratio_to_four_fifths_of_the_objective() -> None:
    policy = hpa.latency(FARO)
    # 1.152 s where 0.576 s are wanted: twice as many.
    load = ClosedForm(tail=lambda _since, _until: 1.152)
    assert policy.decide(300, all_ready(6), load) == 12


def test_latency_holds_without_answers() -> None:
    assert hpa.latency(FARO).decide(300, all_ready(6), NOTHING) == 6


def test_metric_is_a_minute_long_and_a_scrape_old() -> None:
    """10 requests/s, and 40 from 300 s on: at 315 s nothing of it is seen, at 330 s a quarter."""
    load = ClosedForm(arrivals=step(10, 40, since=300))
    policy = hpa.rate(FARO)
    assert policy.decide(300, all_ready(3), load) == 3
    assert policy.decide(315, all_ready(3), load) == 3
    # 10 + 30 / 4 = 17.5 requests/s by 3.89.
    assert policy.decide(330, all_ready(3), load) == 5
    assert policy.decide(375, all_ready(5), load) == 10  # of 11, which four more forbid


def test_target_of_the_rate_is_what_full_batches_serve() -> None:
    assert hpa.pod_requests_per_second(FARO) == pytest.approx(1 / 0.18)
