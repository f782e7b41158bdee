"""The smoke input: the same numbers wherever it is made."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.optimizer.contract import Tensor
from trifocal.triton.smoke_input import smoke_input

IMAGE = Tensor(name="image", dtype="float32", shape=(-1, 3, 4, 5))


def pcg64(seed: int) -> Iterator[int]:
    """O'Neill's PCG XSL-RR 128/64 in plain integers, from numpy's seeding."""
    start = np.random.PCG64(seed).state["state"]
    state, increment = int(start["state"]), int(start["inc"])
    while True:
        state = (state * 0x2360ED051FC65DA44385DF649FCCF645 + increment) % 2**128
        mixed = (state >> 64) ^ (state % 2**64)
        turn = state >> 122
        yield (mixed >> turn | mixed << (64 - turn)) % 2**64 if turn else mixed


def test_values_are_the_top_24_bits_of_the_generators_raw_stream() -> None:
    expected = [raw // 2**40 / 2**23 - 1 for raw in itertools.islice(pcg64(7), 60)]
    assert smoke_input(7, [IMAGE])["image"].ravel().tolist() == expected


def test_a_varying_dimension_becomes_one() -> None:
    assert smoke_input(1, [IMAGE])["image"].shape == (1, 3, 4, 5)


def test_inputs_draw_one_after_another_from_one_stream() -> None:
    second = Tensor(name="mask", dtype="float32", shape=(-1, 2))
    both = smoke_input(3, [IMAGE, second])
    expected = [raw // 2**40 / 2**23 - 1 for raw in itertools.islice(pcg64(3), 60, 62)]
    assert both["mask"].ravel().tolist() == expected


def test_half_precision_inputs_are_rounded_not_redrawn() -> None:
    half = IMAGE.model_copy(update={"dtype": "float16"})
    single = smoke_input(3, [IMAGE])["image"]
    made = smoke_input(3, [half])["image"]
    assert made.dtype == np.float16
    assert np.array_equal(made, single.astype(np.float16))


@given(seed=st.integers(0, 2**63 - 1))
def test_values_lie_in_the_half_open_interval_and_are_exact_in_float32(seed: int) -> None:
    values = smoke_input(seed, [IMAGE])["image"]
    assert values.dtype == np.float32
    assert values.min() >= -1
    assert values.max() < 1
    assert np.array_equal(values * 2**23, np.round(values * 2**23))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_input_and_another_seed_another(seed: int) -> None:
    first, again = smoke_input(seed, [IMAGE])["image"], smoke_input(seed, [IMAGE])["image"]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, smoke_input(seed + 1, [IMAGE])["image"])
