"""What a small run gave once it gives again, to the last bit: an engine made faster stays the same.

The sums are exactly rounded, so they depend on every latency and on no order. Nothing outside the
code says what they should be; that the engine is right is the business of the other tests.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.arrivals import draw
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policies.kpa import Kpa
from trifocal.autoscaling.simulation.trace import Trace

SETTING = replace(FARO, max_replicas=20)
TRACE = Trace(jobs={"a": np.array([300.0, 900.0, 150.0, 1200.0, 300.0])}, step_seconds=60)


@pytest.mark.parametrize(
    ("balancing", "max_batch", "latencies", "weighted", "orders", "removals"),
    [
        ("shared", 1, 12715.413190910302, 2471906.4767315695, 17, 6948.15863271771),
        ("blind", 1, 12824.583882070181, 2589306.4502772195, 15, 2714.1664133996874),
        ("shared", 4, 7695.620188214177, 1372237.227053558, 27, 8682.324301849909),
        ("blind", 4, 10252.744439428017, 1906952.8389155748, 24, 6200.0),
    ],
)
def test_to_the_last_bit(
    balancing: Balancing,
    max_batch: int,
    latencies: float,
    weighted: float,
    orders: int,
    removals: float,
) -> None:
    fixed, item = (0.18, 0.0) if max_batch == 1 else (0.14, 0.04)
    setting = replace(
        SETTING, balancing=balancing, max_batch=max_batch, fixed_seconds=fixed, item_seconds=item
    )
    outcome = simulate(draw(TRACE, "a", seed=7), setting, Kpa(setting))

    assert len(outcome.orders) == orders
    assert math.fsum(outcome.latency) == latencies
    assert math.fsum(outcome.came * outcome.latency) == weighted
    assert math.fsum(pod.removed_at for pod in outcome.pods if pod.removed_at < math.inf) == (
        removals
    )
