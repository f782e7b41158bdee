"""The baselines by the names that the command line knows."""

from collections.abc import Mapping
from types import MappingProxyType

from trifocal.autoscaling.simulation.policies import hpa, keda, kpa
from trifocal.autoscaling.simulation.policies.aimd import Aimd
from trifocal.autoscaling.simulation.policies.keda import Keda
from trifocal.autoscaling.simulation.policies.kpa import Kpa
from trifocal.autoscaling.simulation.policies.static import Static
from trifocal.autoscaling.simulation.policy import MakePolicy, Setting
from trifocal.autoscaling.simulation.staffing import Staffing

REACTIVE: Mapping[str, MakePolicy] = MappingProxyType(
    {
        "hpa-utilisation": hpa.utilisation,
        "hpa-rate": hpa.rate,
        "hpa-p99": hpa.latency,
        "keda": Keda,
        "keda-strict": keda.strict,
        "kpa": Kpa,
        "kpa-delay": kpa.with_delay,
        "aimd": Aimd,
    }
)
"""Those that know nothing of the load but what they measure."""
STATIC = "static"
NAMES = (*REACTIVE, STATIC)


def static(setting: Setting, peak_requests_per_second: float) -> Static:
    """As many pods as the peak needs, all the time.

    Raises:
        ValueError: No number of pods keeps the objective.
    """
    return Static(Staffing(setting).pods(peak_requests_per_second))
