"""The baselines by the names that the command line knows."""

from collections.abc import Mapping
from types import MappingProxyType

from trifocal.autoscaling.simulation.policies import hpa, kpa
from trifocal.autoscaling.simulation.policies.aimd import Aimd
from trifocal.autoscaling.simulation.policies.keda import Keda
from trifocal.autoscaling.simulation.policies.kpa import Kpa
from trifocal.autoscaling.simulation.policies.static import Static
from trifocal.autoscaling.simulation.policy import MakePolicy, Policy, Setting
from trifocal.autoscaling.simulation.staffing import Staffing

REACTIVE: Mapping[str, MakePolicy] = MappingProxyType(
    {
        "hpa-utilisation": hpa.utilisation,
        "hpa-rate": hpa.rate,
        "hpa-p99": hpa.latency,
        "keda": Keda,
        "kpa": Kpa,
        "kpa-delay": kpa.with_delay,
        "aimd": Aimd,
    }
)
"""Those that know nothing of the load but what they measure."""
NAMES = (*REACTIVE, "static")


def baseline(name: str, peak_requests_per_second: float) -> MakePolicy:
    """The baseline of that name for one job.

    Args:
        name: One of NAMES.
        peak_requests_per_second: Of the job's busiest minute, for which `static` is sized.

    Raises:
        KeyError: No baseline has the name.
    """
    return static(peak_requests_per_second) if name == "static" else REACTIVE[name]


def static(peak_requests_per_second: float) -> MakePolicy:
    """As many pods as the peak needs, all the time."""

    def make(setting: Setting) -> Policy:
        return Static(Staffing(setting).pods(peak_requests_per_second))

    return make
