"""How likely chance alone explains that a candidate did worse than the source. Pure.

Both answered the same items, so the tests are paired: if neither were better, whatever one item got
from the candidate might as well have come from the source.
"""

import math

import numpy as np

from trifocal.optimizer.evidence import Evidence, Group
from trifocal.optimizer.tasks.tally import Weights

LEVEL = 0.05
"""A finding that chance brings about in fewer cases is a finding. For several parts of one dataset
it is divided by their number (Bonferroni), or one of many harmless parts would fail a candidate."""
_SWAPS = 200
"""The spread of the loss within 5 %."""
_SEED = 20251125
"""Fixed: the same evidence gets the same verdict."""


def loss_by_chance(candidate: Evidence, source: Evidence, metric: str, group: Group) -> float:
    """Probability of a loss on the group as large as seen, if the two models were equally good.

    For metrics that count right items this is the exact one-sided McNemar test. For the others the
    two models' results are swapped item by item at random, which is the same idea.
    """
    own, reference = candidate.tally.hits(metric), source.tally.hits(metric)
    if own is not None and reference is not None:
        lost = int((reference & ~own & group.members).sum())
        won = int((own & ~reference & group.members).sum())
        return binomial_tail(lost, lost + won)
    return _swap_test(candidate, source, metric, group)


def binomial_tail(successes: int, trials: int, probability: float = 0.5) -> float:
    """P(X >= successes) for X ~ Binomial(trials, probability)."""
    if successes <= 0 or probability >= 1:
        return 1.0
    if probability <= 0:
        return 0.0
    # By logarithms: math.comb of thousands overflows a float.
    terms = [_log_probability(k, trials, probability) for k in range(successes, trials + 1)]
    return min(1.0, math.fsum(map(math.exp, terms)))


def _log_probability(successes: int, trials: int, probability: float) -> float:
    ways = (
        math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    )
    failures = trials - successes
    return ways + successes * math.log(probability) + failures * math.log1p(-probability)


def _swap_test(candidate: Evidence, source: Evidence, metric: str, group: Group) -> float:
    """Permutation test: the normal tail of the loss under random swaps.

    The tail is cut at 2^-items, the probability that all members fall on one side by chance: below
    five members nothing can be shown.
    """
    both = candidate.tally.joined(source.tally)
    weights = group.weights
    random = np.random.default_rng(_SEED)

    def loss(of_candidate: Weights) -> float:
        left, right = weights * of_candidate, weights * (1 - of_candidate)
        own = both.measure(metric, np.concatenate([left, right]), group.label)
        reference = both.measure(metric, np.concatenate([right, left]), group.label)
        return reference - own

    swaps = random.integers(0, 2, size=(_SWAPS, len(weights))).astype(np.float64)
    spread = math.sqrt(float(np.mean([loss(row) ** 2 for row in swaps])))
    seen = loss(np.ones(len(weights)))
    if spread == 0:
        return 1.0
    return max(2.0**-group.items, 0.5 * math.erfc(seen / spread / math.sqrt(2)))
