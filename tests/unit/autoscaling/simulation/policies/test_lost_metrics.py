"""What each baseline does without metrics, by the rules of its source.

The load is steady, and from 100 s on every scrape fails. Prometheus' `rate(...[1m])` needs two
samples, and is asked one scrape later: of those until 90 s two are left in the minute that ends at
120 s, and one in that of 135 s.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm, steady
from tests.unit.autoscaling.simulation.settings import FARO, TO_ZERO
from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.policies import hpa
from trifocal.autoscaling.simulation.policies.aimd import Aimd
from trifocal.autoscaling.simulation.policies.keda import Keda, strict
from trifocal.autoscaling.simulation.policies.kpa import Kpa
from trifocal.autoscaling.simulation.policies.scrapes import known
from trifocal.autoscaling.simulation.policies.window import Window
from trifocal.autoscaling.simulation.policy import MakePolicy, Pods, Policy

OUTAGE = Lost(windows=((100, 10_000),))
BLIND = replace(FARO, lost=OUTAGE)
LOAD = ClosedForm(
    arrivals=steady(35),
    busy=steady(6.3),
    ready=steady(9),
    concurrency=steady(6.2),
    tail=lambda _since, _until: 0.576,
    mean=lambda since, until: 0.9 if until > since else None,
)
"""35 requests/s of 180 ms keep 6.3 pods busy, which is 70 % of 9."""


def followed(policy: Policy, until: float) -> Mapping[float, int]:
    """Replicas from 9 on by time, all ready at once."""
    ordered, seen = 9, {}
    for step in range(int(until / policy.period_seconds) + 1):
        now = step * policy.period_seconds
        ordered = policy.decide(now, Pods(ordered=ordered, ready=ordered), LOAD)
        seen[now] = ordered
    return seen


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (75, Window(15, 75)),  # samples at 30, 45, 60 and 75 s: the whole minute
        (105, Window(60, 90)),  # 105 is lost
        (120, Window(75, 90)),
        (135, None),  # one sample makes no rate
        (180, None),
    ],
)
def test_a_rate_needs_two_samples(until: float, expected: Window | None) -> None:
    assert known(Window(until - 60, until), OUTAGE) == expected


@pytest.mark.parametrize("make", [hpa.utilisation, hpa.rate, hpa.latency, strict])
def test_without_a_metric_the_hpa_keeps_what_there_is(make: MakePolicy) -> None:
    assert set(followed(make(BLIND), 1800).values()) == {9}


def test_keda_reads_no_result_as_no_load_and_gives_up_all_but_one() -> None:
    """From 150 s on it reads 0; the HPA's stabilisation forgets the 9 of 135 s at 435 s."""
    seen = followed(Keda(BLIND), 600)
    assert {seen[at] for at in seen if at < 435} == {9}
    assert {seen[at] for at in seen if at >= 435} == {1}


def test_keda_without_a_minimum_then_goes_to_zero_under_load() -> None:
    """Last active at the poll of 120 s, and past the cooldown of 300 s at that of 450 s."""
    blind = replace(TO_ZERO, lost=OUTAGE)
    seen = followed(Keda(blind), 600)
    assert seen[600] == 0
    assert min(at for at in seen if seen[at] == 0) == 450
    assert followed(strict(blind), 600)[600] == 9


def test_pods_that_cannot_be_read_damp_the_hpa() -> None:
    """With nine of ten scrapes lost hardly a pod has a metric; those that have none count."""
    busy = ClosedForm(busy=steady(10), ready=steady(10))
    few = replace(FARO, lost=Lost(share=0.9, seed=7))
    for setting, expected in ((FARO, 15), (few, 10)):
        assert hpa.utilisation(setting).decide(300, Pods(ordered=10, ready=10), busy) == expected


def test_kpa_goes_on_with_what_it_has_seen_and_stops_after_a_stable_window() -> None:
    """6.2 in the system at 0.7 each are 9 pods; without any data nothing is scaled."""
    assert set(followed(Kpa(BLIND), 600).values()) == {9}


def kpa_at(now: float, lost: Lost) -> int:
    """What it wants in stable mode, in which it starts with one ready pod; later nine are."""
    policy = Kpa(replace(FARO, lost=lost))
    policy.decide(0, Pods(ordered=1, ready=1), LOAD)
    return policy.decide(now, Pods(ordered=9, ready=9), LOAD)


def test_kpa_takes_a_short_gap_for_idleness_when_metrics_are_back() -> None:
    """Of the minute until 150 s half is lost: 6.2 / 2 / 0.7 = 4.4 pods.

    A comment in bucketing.go: "if there are gaps in the data shorter than the window length, the
    missing data is assumed to be 0".
    """
    assert kpa_at(150, Lost(windows=((110, 140),))) == 5


def test_kpa_starts_anew_after_a_gap_of_a_window() -> None:
    assert kpa_at(210, Lost(windows=((100, 200),))) == 9


def test_aimd_takes_silence_for_a_met_objective() -> None:
    """Above it every 30 s one more, until nothing is heard; then one fewer after ten minutes."""
    seen = followed(Aimd(BLIND), 780)
    assert seen[130] == 13
    assert seen[720] == 12
