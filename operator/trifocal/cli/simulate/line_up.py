"""Which policies `trifocal simulate` knows by name, and how each is made for a trace's jobs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from trifocal.autoscaling.simulation.clairvoyant import Clairvoyant, Schedule, schedule
from trifocal.autoscaling.simulation.policies import named
from trifocal.autoscaling.simulation.policy import MakePolicy, Policy, Setting
from trifocal.autoscaling.simulation.staffing import Staffing
from trifocal.autoscaling.simulation.trace import Trace
from trifocal.autoscaling.simulation.trifocal_policy import Trifocal

OURS = "trifocal"
MEASURING: Mapping[str, MakePolicy] = MappingProxyType({OURS: Trifocal, **named.REACTIVE})
"""Policies that know nothing of the load but what they measure."""
STRICT_PERCENTILE = 99.9
"""Staffing for a stricter percentile leaves room for the luck of the draw, in percent."""
CLAIRVOYANTS: Mapping[str, float | None] = MappingProxyType(
    {"clairvoyant": None, f"clairvoyant-p{STRICT_PERCENTILE:g}": STRICT_PERCENTILE}
)
"""The percentile that each staffs for; None is the setting's."""
NAMES = (OURS, *named.NAMES, *CLAIRVOYANTS)
ALL = tuple(name for name in NAMES if name != "keda-strict")
"""What `all` means. Where no metrics are lost, the two kinds of KEDA are the same."""
MOST_NEEDED = 1000
"""Replicas up to which a need is told exactly."""
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One policy, ready for every job of one trace."""

    make: Callable[[str], Policy]
    """A fresh policy for the job of that name."""
    initial: Mapping[str, int] = field(default_factory=dict)
    """Pods that are ready at the start, for what knows the load in advance; the rest starts with
    as many as the first minute keeps busy."""


def contestant(name: str, trace: Trace, setting: Setting) -> Contestant:
    """The policy of that name.

    Raises:
        KeyError: The name is not in NAMES.
        ValueError: It is sized for the objective, which no number of pods keeps.
    """
    if name == named.STATIC:
        return _static(trace, setting)
    if name in CLAIRVOYANTS:
        return clairvoyant(trace, setting, CLAIRVOYANTS[name])
    make = MEASURING[name]
    return Contestant(make=lambda _job: make(setting))


def least_replica_hours(trace: Trace, setting: Setting) -> float:
    """What any policy pays at least that keeps the setting's percentile in each step."""
    schedules = _schedules(trace, setting, None)
    return sum(planned.least_pod_seconds() for _, planned in schedules) / _HOUR_SECONDS


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """What the most replicas that are allowed cannot carry within the objective."""

    replicas: int
    """That the busiest step of any job needs."""
    steps: int
    """Of all jobs, that need more than is allowed."""


def shortage(trace: Trace, setting: Setting) -> Shortage | None:
    """Where `max_replicas` is below the need; None when it is nowhere."""
    staffing = Staffing(replace(setting, max_replicas=MOST_NEEDED))
    needs = [
        staffing.pods(rate)
        for requests in trace.jobs.values()
        for rate in (requests / trace.step_seconds).tolist()
    ]
    steps = sum(need > setting.max_replicas for need in needs)
    return Shortage(replicas=max(needs), steps=steps) if steps else None


def _static(trace: Trace, setting: Setting) -> Contestant:
    """Sized for each job's busiest step, from the start on."""
    sized = {
        job: named.static(setting, float(requests.max()) / trace.step_seconds)
        for job, requests in trace.jobs.items()
    }
    return Contestant(
        make=lambda job: sized[job], initial={job: one.replicas for job, one in sized.items()}
    )


def clairvoyant(trace: Trace, setting: Setting, percentile: float | None) -> Contestant:
    """Follows each job's schedule. What the first moment needs was ordered before it."""
    schedules = dict(_schedules(trace, setting, percentile))
    return Contestant(
        make=lambda job: Clairvoyant(schedules[job]),
        initial={job: planned.ordered(0.0) for job, planned in schedules.items()},
    )


def _schedules(
    trace: Trace, setting: Setting, percentile: float | None
) -> Iterator[tuple[str, Schedule]]:
    for job, requests in trace.jobs.items():
        rates = (requests / trace.step_seconds).tolist()
        slot = trace.step_seconds
        yield job, schedule(rates, setting, percentile=percentile, slot_seconds=slot)
