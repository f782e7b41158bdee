"""Size and latency: what is missed, by how much, in the user's words."""

import pytest

from trifocal.api.gate import LatencyGate
from trifocal.optimizer.gates.latency import missed_latency
from trifocal.optimizer.gates.size import missed_size, quantity_bytes


def test_latency_is_judged_at_the_gates_percentile() -> None:
    measured = {50: 2.0, 90: 2.5, 95: 3.0, 99: 5.25}

    assert missed_latency(measured, LatencyGate(percentile=50, max_milliseconds=5)) == ()
    assert missed_latency(measured, LatencyGate(percentile=99, max_milliseconds=5)) == (
        "p99 latency 5.250 ms is above the gate's 5 ms",
    )
    assert missed_latency(measured, None) == ()


def test_size_is_judged_in_bytes() -> None:
    assert missed_size(10**12, None) == ()
    assert missed_size(1024, "1Ki") == ()
    assert missed_size(1025, "1Ki") == ("the file has 1025 bytes, and the gate allows 1Ki",)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("20Mi", 20 * 1024 * 1024), ("20M", 20_000_000), ("1.5Gi", 1_610_612_736), ("7", 7)],
)
def test_quantities(quantity: str, expected: int) -> None:
    assert quantity_bytes(quantity) == expected
