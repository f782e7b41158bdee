"""A fixed number of pods, sized for the peak: what is paid without an autoscaler."""

from trifocal.autoscaling.simulation.policy import Pods, Telemetry


class Static:
    """Always the same number."""

    period_seconds = 60.0
    """Any would do."""

    def __init__(self, replicas: int) -> None:
        self.replicas = replicas

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """The number, whatever happens."""
        del now, pods, telemetry
        return self.replicas
