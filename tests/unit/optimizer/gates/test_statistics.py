"""Intervals and exact tests against published examples and independent implementations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from tests.support.evidence import classified
from trifocal.optimizer.gates.chance import binomial_tail, loss_by_chance
from trifocal.optimizer.gates.interval import Pairs, difference, newcombe, wilson


@pytest.mark.parametrize(
    ("both", "first", "second", "neither", "expected"),
    [
        # Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10.
        (36, 12, 2, 0, (0.0569, 0.3404)),
        # Bentur et al. (2009), in Fagerland, Lydersen, Laake (2017), chapter 8.
        (1, 1, 7, 12, (-0.507, -0.026)),
        # Cavo et al. (2012), there as well.
        (59, 6, 16, 80, (-0.119, -0.005)),
    ],
)
def test_paired_interval_as_published(
    both: int, first: int, second: int, neither: int, expected: tuple[float, float]
) -> None:
    found = newcombe(Pairs(both=both, first=first, second=second, neither=neither))

    assert found == pytest.approx(expected, abs=5e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")

    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(
    st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.5, 0.05, 0.3]),
)
def test_binomial_tail_is_scipys(counts: tuple[int, int], probability: float) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials, probability, alternative="greater").pvalue

    assert binomial_tail(successes, trials, probability) == pytest.approx(expected, rel=1e-7)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_loss_by_chance_is_mcnemars_exact_test(pairs: list[tuple[bool, bool]]) -> None:
    candidate, source = (classified([pair[n] for pair in pairs]) for n in (0, 1))
    lost = sum(reference and not own for own, reference in pairs)
    changed = sum(reference != own for own, reference in pairs)
    expected = binomtest(lost, changed, alternative="greater").pvalue if changed else 1.0
    (group,) = source.groups()

    assert loss_by_chance(candidate, source, "top1", group) == pytest.approx(expected)


def test_interval_takes_pairs_from_the_items() -> None:
    pairs = [(True, True)] * 36 + [(True, False)] * 12 + [(False, True)] * 2
    candidate, source = (classified([pair[n] for pair in pairs]) for n in (0, 1))

    assert difference(candidate, source, "top1") == pytest.approx((0.0569, 0.3404), abs=5e-4)
