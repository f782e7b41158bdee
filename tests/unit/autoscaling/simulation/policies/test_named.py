"""Names lead to policies, and each policy to its published control period."""

import pytest

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm
from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.policies.named import NAMES, REACTIVE, static
from trifocal.autoscaling.simulation.policy import Pods

PERIODS = {
    "hpa-utilisation": 15,
    "hpa-rate": 15,
    "hpa-p99": 15,
    "keda": 15,
    "keda-strict": 15,
    "kpa": 2,
    "kpa-delay": 2,
    "aimd": 10,
}


def test_all_baselines_have_a_name() -> None:
    assert set(NAMES) == {*PERIODS, "static"}


@pytest.mark.parametrize(("name", "seconds"), PERIODS.items())
def test_control_period(name: str, seconds: float) -> None:
    assert REACTIVE[name](FARO).period_seconds == seconds


@pytest.mark.parametrize("name", REACTIVE)
def test_starts_on_an_empty_record(name: str) -> None:
    policy = REACTIVE[name](FARO)
    assert policy.decide(0.0, Pods(ordered=3, ready=3), ClosedForm()) == 3


@pytest.mark.parametrize("name", REACTIVE)
def test_each_job_gets_a_fresh_policy(name: str) -> None:
    assert REACTIVE[name](FARO) is not REACTIVE[name](FARO)


def test_static_is_sized_for_the_peak_and_stays() -> None:
    """At 9 requests/s one pod of 5.6/s cannot do, and three are busy only 54 % of the time."""
    policy = static(FARO, 9)
    silence = ClosedForm()
    seen = [policy.decide(at, Pods(ordered=9, ready=9), silence) for at in (0.0, 60.0, 6000.0)]
    assert seen == [3] * 3
