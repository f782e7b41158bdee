"""Faro's AIAD: its configuration is a decision each 10 s, up after 30 s, down after 600 s."""

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm
from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.policies.aimd import Aimd
from trifocal.autoscaling.simulation.policy import Pods

LATE = ClosedForm(mean=lambda _since, _until: 0.73)
ON_TIME = ClosedForm(mean=lambda _since, _until: 0.72)


def followed(policy: Aimd, *telemetry: ClosedForm) -> list[int]:
    """Replicas from 5 on, decision by decision."""
    ordered, seen = 5, []
    for decision, at_that_time in enumerate(telemetry):
        ordered = policy.decide(10.0 * decision, Pods(ordered=ordered, ready=5), at_that_time)
        seen.append(ordered)
    return seen


def test_one_more_after_each_third_late_decision() -> None:
    assert followed(Aimd(FARO), *[LATE] * 7) == [5, 5, 6, 6, 6, 7, 7]


def test_one_less_after_each_sixtieth_decision_on_time() -> None:
    seen = followed(Aimd(FARO), *[ON_TIME] * 120)
    assert seen == [5] * 59 + [4] * 60 + [3]


def test_one_decision_the_other_way_starts_the_count_again() -> None:
    assert followed(Aimd(FARO), LATE, LATE, ON_TIME, LATE, LATE) == [5] * 5


def test_silence_counts_as_on_time() -> None:
    assert followed(Aimd(FARO), *[ClosedForm()] * 60)[-1] == 4


def test_looks_30_seconds_back() -> None:
    seen: list[tuple[float, float]] = []

    def mean(since: float, until: float) -> float:
        seen.append((since, until))
        return 0.0

    Aimd(FARO).decide(100, Pods(ordered=5, ready=5), ClosedForm(mean=mean))
    assert seen == [(70, 100)]
