"""What is simulated, for tests that differ from it in what they are about."""

from dataclasses import replace

from trifocal.autoscaling.simulation.policy import Setting

FARO = Setting(
    fixed_seconds=0.18,
    item_seconds=0.0,
    max_batch=1,
    objective_seconds=0.72,
    percentile=99,
    cold_start_seconds=35,
    min_replicas=1,
    max_replicas=100,
)
"""One request at a time in 180 ms, p99 within 720 ms: the setting of Faro's evaluation."""
TO_ZERO = replace(FARO, min_replicas=0)
BRISK = replace(
    FARO, fixed_seconds=0.1, objective_seconds=0.4, cold_start_seconds=20, max_replicas=20
)
"""Round numbers: ten requests a second keep one pod busy."""
