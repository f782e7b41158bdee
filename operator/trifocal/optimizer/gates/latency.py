"""Test: the measured latency of one request. Pure."""

from collections.abc import Mapping

from trifocal.api.gate import LatencyGate


def missed_latency(percentiles: Mapping[int, float], gate: LatencyGate | None) -> tuple[str, ...]:
    """`percentiles`: milliseconds by percentile."""
    if gate is None or percentiles[gate.percentile] <= gate.max_milliseconds:
        return ()
    measured = percentiles[gate.percentile]
    allowed = gate.max_milliseconds
    return (f"p{gate.percentile} latency {measured:.3f} ms is above the gate's {allowed:g} ms",)
