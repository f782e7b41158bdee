"""The choice among candidates that passed: the best by the user's preference, with reasons."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.measurements import measured
from trifocal.optimizer.choice import choose


def test_clearly_fastest_wins() -> None:
    choice = choose(
        [measured("source", median=3.0), measured("int8", median=1.0, size=5000)], "latency", "top1"
    )

    assert choice.name == "int8"
    assert choice.reason == "lowest typical latency, 1.000 ms; 4.9 KiB"
    assert choice.others == {"source": "2.00 ms slower than int8 (3.00 ms)"}


def test_difference_below_the_noise_goes_to_the_smaller_file_and_says_so() -> None:
    """Differences alternate by 0.4: 2 * 1.4826 * 0.4 * sqrt(pi / 2) / sqrt(12) = 0.4291."""
    candidates = [
        measured("source", median=2.00, size=4000),
        measured("fp16", median=2.05, jitter=0.4, size=2000),
    ]

    choice = choose(candidates, "latency", "top1")

    assert choice.name == "fp16"
    assert choice.reason == ("as fast as source (2.05 and 2.00 ms, noise 0.43 ms); 2.0 KiB")
    assert choice.others["source"] == (
        "no faster than fp16 within the noise of 0.43 ms, and its file is 2.0 KiB larger"
    )


def test_slowness_that_hits_both_alike_is_no_noise() -> None:
    candidates = [
        measured("source", median=2.0, jitter=0.5, size=4000),
        measured("fp16", median=2.3, jitter=0.5, size=2000),
    ]

    assert choose(candidates, "latency", "top1").name == "source"


def test_slow_tail_does_not_decide() -> None:
    """One neighbour's burst in p99 must not make a model that is twice as fast lose."""
    candidates = [measured("source", median=2.0), measured("int8", median=1.0, tail=50.0)]

    assert choose(candidates, "latency", "top1").name == "int8"


def test_equal_candidates_leave_the_source_unchanged() -> None:
    choice = choose([measured("source"), measured("fp32")], "latency", "top1")

    assert choice.name == "source"
    assert choice.others["fp32"].endswith("and it changes more")


def test_smallest_wins_if_size_is_preferred() -> None:
    candidates = [measured("source", size=4000), measured("int8", size=1000, median=9.0)]

    choice = choose(candidates, "size", "top1")

    assert choice.name == "int8"
    assert choice.others == {"source": "its file is 2.9 KiB larger than int8's"}


def test_most_accurate_wins_if_accuracy_is_preferred() -> None:
    candidates = [
        measured("source", top1=0.92, median=9.0),
        measured("int8", top1=0.91, median=1.0),
    ]

    choice = choose(candidates, "accuracy", "top1")

    assert choice.name == "source"
    assert choice.others == {"int8": "its top1 is 0.0100 below source's"}


def test_equally_accurate_candidates_are_compared_by_latency() -> None:
    candidates = [measured("source", median=9.0), measured("fp16", median=1.0)]

    assert choose(candidates, "accuracy", "top1").name == "fp16"


@pytest.mark.parametrize("prefer", ["throughput", "cost"])
def test_full_batches_decide_where_throughput_or_cost_count(
    prefer: Literal["throughput", "cost"],
) -> None:
    candidates = [
        measured("source", median=1.0, full_batch=8.0),
        measured("int8", median=2.0, full_batch=5.0),
    ]

    choice = choose(candidates, prefer, "top1")

    assert choice.name == "int8"
    assert choice.reason == "lowest time of a full batch, 5.000 ms; 1000 B"
    assert choice.others == {"source": "3.00 ms slower than int8 (8.00 ms)"}


def test_only_candidate_wins() -> None:
    choice = choose([measured("source")], "latency", "top1")

    assert choice.reason == "the only candidate that passed the gate; 1000 B"


@given(
    st.lists(
        st.tuples(st.floats(0.01, 100), st.integers(1, 10**9), st.integers(0, 100)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["latency", "size", "accuracy"]),
)
def test_every_loser_has_a_reason_and_the_winner_is_the_best(
    figures: list[tuple[float, int, int]], prefer: Literal["latency", "size", "accuracy"]
) -> None:
    candidates = [
        measured(f"c{i}", median=median, size=size, top1=hits / 100)
        for i, (median, size, hits) in enumerate(figures)
    ]

    choice = choose(candidates, prefer, "top1")

    winner = next(c for c in candidates if c.name == choice.name)
    assert set(choice.others) == {c.name for c in candidates} - {choice.name}
    if prefer == "size":
        assert winner.size == min(c.size for c in candidates)
    if prefer == "accuracy":
        assert winner.evidence.metrics["top1"] == max(
            c.evidence.metrics["top1"] for c in candidates
        )
    if prefer == "latency":
        fastest = min(c.latency.typical for c in candidates)
        assert winner.latency.typical <= fastest * 1.05 + 1e-9


@pytest.mark.parametrize("prefer", ["latency", "size", "accuracy"])
def test_sentences_never_claim_a_negative_difference(
    prefer: Literal["latency", "size", "accuracy"],
) -> None:
    candidates = [
        measured("source", median=2.0, size=100, top1=0.9),
        measured("fp32", median=2.05, size=90, top1=0.9),
        measured("int8", median=2.02, size=110, top1=0.95),
    ]

    assert "-" not in " ".join(choose(candidates, prefer, "top1").others.values())
