"""From requests per step to the moment at which each request arrives, by chance but repeatably."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.trace import Trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """One job's requests. Times in seconds from the start of the trace."""

    arrivals: NDArray[np.float64]
    """Ascending."""
    choices: NDArray[np.float64]
    """For each request a number in [0, 1): the chance by which a blind balancer picks its pod."""
    seconds: float
    """How long the trace lasts; every request arrives before."""


def draw(trace: Trace, job: str, seed: int) -> Load:
    """Places each step's requests uniformly at random within it.

    That is a Poisson process of the step's rate, given that its count is the recorded one: no
    request is added or lost by chance. Of a trace of means the count is drawn as well. The same
    seed and job give the same requests, whatever other jobs there are.
    """
    chance = np.random.default_rng([seed, *job.encode()])
    requests = trace.jobs[job]
    whole = chance.poisson(requests) if trace.by_chance else _whole(requests)
    step = np.repeat(np.arange(len(whole)), whole)
    arrivals = np.sort((step + chance.random(len(step))) * trace.step_seconds)
    arrivals = np.minimum(arrivals, np.nextafter(trace.seconds, 0.0))
    return Load(arrivals=arrivals, choices=chance.random(len(step)), seconds=trace.seconds)


def _whole(requests: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts of whole requests: fractions, left by scaling, are carried on to the next step."""
    return np.diff(np.floor(np.cumsum(requests) + _ROUNDING), prepend=0.0).astype(np.int64)


_ROUNDING = 1e-6
"""Requests. What a sum of a million fractions may lack of a whole number."""
