"""One pod more or less by mean latency: additive increase and decrease.

This is the AIAD baseline of Faro (EuroSys 2025), which stands there for INFaaS; the sources are
src/policy.py and config/autoscaler/autoscale_config.yaml of beomyeol/faro. It is called `aimd`
because that is the name under which such policies are known. Metrics that are lost are no latency
to it, and so no reason to keep a pod.
"""

from trifocal.autoscaling.simulation.policies.window import last
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry

INTERVAL_SECONDS = 10.0
LOOK_BACK_SECONDS = 30.0
UP_DECISIONS = 3
"""In a row above the objective: 30 s."""
DOWN_DECISIONS = 60
"""In a row not above it: 600 s."""


class Aimd:
    """Counts decisions in the same direction."""

    period_seconds = INTERVAL_SECONDS

    def __init__(self, setting: Setting) -> None:
        self._objective = setting.objective_seconds
        self._lost = setting.lost
        self._above = 0
        self._below = 0

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """One more, one less, or what is ordered. No answered request counts as no latency."""
        window = last(LOOK_BACK_SECONDS, now)
        latency = telemetry.mean_latency(window.since, self._lost.known_until(now)) or 0.0
        above = latency > self._objective
        self._above = self._above + 1 if above else 0
        self._below = 0 if above else self._below + 1
        if self._above >= UP_DECISIONS:
            self._above = 0
            return pods.ordered + 1
        if self._below >= DOWN_DECISIONS:
            self._below = 0
            return max(pods.ordered - 1, 0)
        return pods.ordered
