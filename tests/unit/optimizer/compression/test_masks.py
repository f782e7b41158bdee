"""Magnitude pruning's masks, against masks written by hand and figures of NVIDIA's pattern."""

import numpy as np
import pytest

from trifocal.optimizer.compression.masks import at_least, largest, two_of_four

FIRST = np.array([[0.1, -0.9], [0.5, -0.2]], np.float32)
SECOND = np.array([0.05, 0.6, -0.3, 0.7], np.float32)


def test_weights_below_the_threshold_go_and_those_at_it_stay() -> None:
    first, second = at_least([FIRST, SECOND], 0.5)
    assert first.tolist() == [[False, True], [True, False]]
    assert second.tolist() == [False, True, False, True]


def test_a_ratio_ranks_all_layers_together() -> None:
    """Of |w| = .05 .1 .2 .3 .5 .6 .7 .9 the smaller half: two of each layer."""
    first, second = largest([FIRST, SECOND], 0.5)
    assert first.tolist() == [[False, True], [True, False]]
    assert second.tolist() == [False, True, False, True]


def test_a_layer_of_small_weights_loses_more() -> None:
    small, large = largest([SECOND / 100, SECOND], 0.5)
    assert (small.sum(), large.sum()) == (0, 4)


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 8), (0.12, 8), (0.125, 7), (0.99, 1)])
def test_a_ratio_is_rounded_down_to_whole_weights(ratio: float, kept: int) -> None:
    assert sum(int(mask.sum()) for mask in largest([FIRST, SECOND], ratio)) == kept


def test_of_equal_weights_exactly_as_many_go_as_asked() -> None:
    (mask,) = largest([np.full(10, -0.25, np.float32)], 0.3)
    assert mask.tolist() == [False] * 3 + [True] * 7


def test_equal_weights_at_the_limit_beside_smaller_ones() -> None:
    (mask,) = largest([np.array([3.0, 1.0, 2.0, 2.0, 2.0])], 0.4)
    assert mask.tolist() == [True, False, False, True, True]


def test_two_of_every_four_neighbours_stay() -> None:
    weight = np.array([[1.0, -4.0, 3.0, 2.0, 0.0, 0.1, -0.3, 0.2]])
    mask = two_of_four(weight)
    assert mask is not None
    assert mask.tolist() == [[False, True, True, False, False, False, True, True]]


def test_fours_lie_along_the_input_channels_of_a_convolution() -> None:
    """[outputs 1, inputs 4, height 1, width 2]: each position has its own four."""
    weight = np.array([[[[9.0, 1.0]], [[8.0, 2.0]], [[1.0, 3.0]], [[2.0, 4.0]]]])
    mask = two_of_four(weight)
    assert mask is not None
    assert mask[0, :, 0, 0].tolist() == [True, True, False, False]
    assert mask[0, :, 0, 1].tolist() == [False, False, True, True]


def test_of_four_equal_weights_the_first_two_stay() -> None:
    mask = two_of_four(np.ones((1, 4)))
    assert mask is not None
    assert mask.tolist() == [[True, True, False, False]]


def test_a_layer_without_whole_fours_has_no_mask() -> None:
    assert two_of_four(np.ones((8, 3, 3, 3))) is None
