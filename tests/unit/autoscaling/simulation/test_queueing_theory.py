"""The engine's waiting times against the theory of the M/D/1 and M/D/c queue."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.queueing import wait_distribution, wait_percentile
from trifocal.autoscaling.simulation.arrivals import draw
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry
from trifocal.autoscaling.simulation.trace import Trace

SETTING = replace(FARO, fixed_seconds=1, objective_seconds=4)


REQUESTS = 30_000
"""Enough for a mean within some 5 % at these utilisations; the tolerances are about twice that."""


class Still:
    period_seconds = 600.0

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:  # noqa: ARG002 - a policy's arguments
        return pods.ordered


def waits(pods: int, utilisation: float, setting: Setting) -> list[float]:
    """Sorted waiting times, in service times. One step, so that requests are a Poisson process."""
    seconds = REQUESTS / (pods * utilisation)
    trace = Trace(jobs={"a": np.array([float(REQUESTS)])}, step_seconds=seconds)
    outcome = simulate(draw(trace, "a", 7), setting, Still(), pods)
    return sorted((outcome.latency - setting.fixed_seconds).tolist())


def mean_wait(servers: int, load: float) -> float:
    """Integral of the tail of the exact distribution."""
    step = 0.05
    return step * sum(
        1 - wait_distribution(servers, load, step * (i + 0.5)) for i in range(round(20 / step))
    )


@pytest.mark.parametrize("utilisation", [0.3, 0.7])
def test_one_pod_waits_as_pollaczek_and_khinchine_say(utilisation: float) -> None:
    """M/D/1: rho / (2 (1 - rho)) service times on average."""
    simulated = waits(1, utilisation, SETTING)
    expected = utilisation / (2 * (1 - utilisation))
    assert np.mean(simulated) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("pods", "utilisation"), [(2, 0.7), (8, 0.8)])
def test_pods_with_a_shared_queue_wait_as_one_queue_with_many_servers(
    pods: int, utilisation: float
) -> None:
    simulated = waits(pods, utilisation, SETTING)
    assert np.mean(simulated) == pytest.approx(mean_wait(pods, pods * utilisation), rel=0.1)
    for percentile in (90, 99):
        exact = wait_percentile(pods, utilisation, percentile)
        assert simulated[len(simulated) * percentile // 100] == pytest.approx(exact, rel=0.1)


def test_pods_with_blind_balancing_wait_as_queues_of_their_own() -> None:
    """A Poisson process that is split by chance is Poisson in each part: M/D/1 each."""
    blind = replace(SETTING, balancing="blind")
    simulated = waits(4, 0.6, blind)
    assert np.mean(simulated) == pytest.approx(0.6 / (2 * 0.4), rel=0.1)
    assert np.mean(waits(4, 0.6, SETTING)) < np.mean(simulated) / 3


def test_saturated_pods_answer_a_full_batch_per_execution() -> None:
    """0.6 + 8 * 0.05 = 1 s for 8 requests: 2 pods answer 16 a second, so 1600 take 100 s."""
    batching = replace(SETTING, fixed_seconds=0.6, item_seconds=0.05, max_batch=8)
    trace = Trace(jobs={"a": np.array([1600.0])}, step_seconds=1)
    outcome = simulate(draw(trace, "a", 7), batching, Still(), 2)
    assert (outcome.came + outcome.latency).max() == pytest.approx(100, abs=1)
