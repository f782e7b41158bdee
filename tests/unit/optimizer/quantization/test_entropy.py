"""The range of least divergence, against the loops of the published pseudo-code."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trifocal.optimizer.quantization.entropy import LEVELS, threshold

EPSILON = 1e-4


def histogram(values: NDArray[Any], bins: int = 256) -> tuple[NDArray[np.int64], NDArray[Any]]:
    reach = np.abs(values).max()
    return np.histogram(values, bins, range=(-reach, reach))


def slow_threshold(counts: NDArray[np.int64], edges: NDArray[Any]) -> tuple[float, float]:
    best, found = np.inf, (0.0, 0.0)
    middle = len(counts) // 2
    for reach in range(LEVELS // 2, middle + 1):
        start, end = middle - reach, min(middle + reach + 1, len(counts))
        p = [float(it) for it in counts[start:end]]
        inside = list(p)
        p[0] += float(sum(counts[:start]))
        p[-1] += float(sum(counts[end:]))
        width = len(p) // LEVELS
        q = [0.0] * len(p)
        for level in range(LEVELS):
            last = len(p) if level == LEVELS - 1 else (level + 1) * width
            cell = range(level * width, last)
            held = [i for i in cell if p[i] > 0]
            for i in held:
                q[i] = sum(inside[j] for j in cell) / len(held)
        divergence = slow_divergence(smooth(p), smooth(q))
        if divergence < best:
            best, found = divergence, (float(edges[start]), float(edges[end]))
    return found


def smooth(counts: list[float]) -> list[float]:
    zeros = sum(it == 0 for it in counts)
    take = EPSILON * zeros / (len(counts) - zeros)
    return [EPSILON if it == 0 else it - take for it in counts]


def slow_divergence(p: list[float], q: list[float]) -> float:
    return sum(
        a / sum(p) * math.log((a / sum(p)) / (b / sum(q))) for a, b in zip(p, q, strict=True)
    )


@pytest.mark.parametrize("kind", ["normal", "laplace"])
def test_same_as_the_loops(kind: str) -> None:
    values = getattr(np.random.default_rng(0), kind)(size=20000)
    counts, edges = histogram(values, 192)

    assert threshold(counts, edges) == pytest.approx(slow_threshold(counts, edges))


def test_an_outlier_is_cut_off() -> None:
    values = np.append(np.random.default_rng(1).normal(size=100000), 40.0)

    low, high = threshold(*histogram(values, 1024))

    assert high < 20
    assert low > -20


def test_values_of_equal_frequency_are_all_kept() -> None:
    values = np.random.default_rng(2).uniform(-1, 1, 100000)

    assert threshold(*histogram(values)) == pytest.approx((-1, 1), abs=0.01)


def test_a_few_values_are_all_kept() -> None:
    values = np.random.default_rng(3).normal(size=40)

    reach = np.abs(values).max()
    assert threshold(*histogram(values)) == pytest.approx((-reach, reach))
