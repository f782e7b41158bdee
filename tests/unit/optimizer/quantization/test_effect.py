"""Quantizers that did nothing are found out."""

import pytest

from trifocal.api.techniques import Precision
from trifocal.optimizer.quantization.effect import Facts, no_effect

BEFORE = Facts(size=4000, operators={"Conv": 2}, weights={"FLOAT": 1000})


def after(size: int = 1200, *, operators: dict[str, int], weights: dict[str, int]) -> Facts:
    return Facts(size=size, operators=operators, weights=weights)


def test_a_real_quantization_has_nothing_to_tell() -> None:
    real = after(operators={"Conv": 2, "QuantizeLinear": 3}, weights={"INT8": 1000, "FLOAT": 4})

    assert no_effect("int8", BEFORE, real, same_answers=False) is None


@pytest.mark.parametrize(
    "precision", ["int8", "int8-dynamic", "int8-weights", "int16", "codebook8", "fp16"]
)
def test_the_same_file_is_no_candidate(precision: Precision) -> None:
    why = no_effect(precision, BEFORE, BEFORE, same_answers=True)

    assert why is not None
    assert why.startswith("the quantizer did nothing: no weight is stored as ")


def test_weights_in_8_bits_that_nothing_computes_with_are_no_int8() -> None:
    stored = after(operators={"Conv": 2}, weights={"INT8": 1000})

    assert no_effect("int8", BEFORE, stored, same_answers=False) == (
        "the quantizer did nothing: the graph has no new QuantizeLinear"
    )


def test_larger_with_the_same_answers_is_worth_nothing() -> None:
    larger = after(5000, operators={"DequantizeLinear": 1}, weights={"INT8": 3, "FLOAT": 1000})

    assert no_effect("int8-weights", BEFORE, larger, same_answers=True) == (
        "the quantizer did nothing of worth: 5000 bytes instead of 4000, and every answer is the "
        "same"
    )


def test_smaller_with_the_same_answers_is_what_one_hopes_for() -> None:
    smaller = after(operators={"DequantizeLinear": 1}, weights={"INT8": 1000})

    assert no_effect("int8-weights", BEFORE, smaller, same_answers=True) is None
