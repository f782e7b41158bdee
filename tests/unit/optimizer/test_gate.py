"""The gate: what is missed, by how much, in the user's words."""

from typing import Any

import pytest

from tests.support.measurements import accuracy, measured
from trifocal.api.optimization import Gate
from trifocal.optimizer.gate import missed, missed_accuracy, quantity_bytes
from trifocal.optimizer.measured import Measured


def verdict(candidate: Measured, source_top1: float = 0.9, **gate: Any) -> tuple[str, ...]:
    return missed(candidate, accuracy(source_top1), Gate.model_validate(gate))


def test_drop_beyond_the_allowed_says_by_how_much() -> None:
    assert verdict(measured("int8", top1=0.78), accuracy={"maxDrop": 0.01}) == (
        "top1 0.7800 is 0.1200 below the source's 0.9000; the gate allows 0.01",
    )


@pytest.mark.parametrize("top1", [0.89, 0.9, 0.95])
def test_drop_up_to_the_allowed_passes(top1: float) -> None:
    """0.9 - 0.89 is a little more than 0.01 in floating point."""
    assert verdict(measured("int8", top1=top1), accuracy={"maxDrop": 0.01}) == ()


def test_one_item_too_many_is_lost() -> None:
    assert verdict(measured("int8", top1=0.88), accuracy={"maxDrop": 0.019}) != ()


def test_minimum_counts_for_the_source_too() -> None:
    source = accuracy(0.78)
    gate = Gate.model_validate({"accuracy": {"minimum": 0.8}})

    assert missed_accuracy(source, source, gate.accuracy) == (
        "top1 0.7800 is below the gate's minimum of 0.8",
    )


def test_other_metric_is_looked_at_if_the_gate_says_so() -> None:
    assert verdict(measured("int8", top1=0.5), accuracy={"metric": "top5", "maxDrop": 0.5}) == ()


def test_answers_that_are_no_numbers_explain_the_loss() -> None:
    bad = accuracy(0.1, not_finite=88)

    assert missed_accuracy(bad, accuracy(0.9), Gate().accuracy)[-1] == (
        "88 answers held NaN or infinity"
    )


def test_latency_is_judged_at_the_gates_percentile() -> None:
    candidate = measured("fp16", median=2.0, tail=5.25)

    assert verdict(candidate, latency={"percentile": 50, "maxMilliseconds": 5}) == ()
    assert verdict(candidate, latency={"percentile": 99, "maxMilliseconds": 5}) == (
        "p99 latency 5.250 ms is above the gate's 5 ms",
    )


def test_size_is_judged_in_bytes() -> None:
    assert verdict(measured("fp32", size=1024), maxSize="1Ki") == ()
    assert verdict(measured("fp32", size=1025), maxSize="1Ki") == (
        "the file has 1025 bytes, and the gate allows 1Ki",
    )


def test_everything_missed_is_listed() -> None:
    candidate = measured("int8", top1=0.5, median=9, size=5000)

    assert len(verdict(candidate, latency={"maxMilliseconds": 1}, maxSize="1k")) == 3


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("20Mi", 20 * 1024 * 1024), ("20M", 20_000_000), ("1.5Gi", 1_610_612_736), ("7", 7)],
)
def test_quantities(quantity: str, expected: int) -> None:
    assert quantity_bytes(quantity) == expected
