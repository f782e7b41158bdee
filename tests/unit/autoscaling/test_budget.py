"""Fair shares, by hand and as properties."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trifocal.autoscaling.budget import Want, fair_shares, rationed
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason


def want(replicas: int, least: int = 1, gpus: int = 1) -> Want:
    return Want(least=least, replicas=replicas, gpus=gpus)


def test_enough_for_all_is_given_to_all() -> None:
    assert fair_shares({"a": want(3), "b": want(5)}, gpus=8) == {"a": 3, "b": 5}


def test_half_of_what_is_needed_is_half_for_each() -> None:
    assert fair_shares({"a": want(4), "b": want(8)}, gpus=6) == {"a": 2, "b": 4}


def test_who_needs_little_is_not_starved_by_who_needs_much() -> None:
    # One each is given. Then b has 1/20, less than a's 1/2, until it has 10/20.
    assert fair_shares({"a": want(2), "b": want(20)}, gpus=12) == {"a": 2, "b": 10}


def test_least_numbers_come_first_even_beyond_the_budget() -> None:
    assert fair_shares({"a": want(9, least=3), "b": want(9, least=4)}, gpus=5) == {"a": 3, "b": 4}


def test_a_replica_that_is_too_large_for_the_rest_leaves_it_to_others() -> None:
    shares = fair_shares({"large": want(2, gpus=4), "small": want(9)}, gpus=8)

    assert shares == {"large": 1, "small": 4}


DECISION = ScaleDecision(
    replicas=6,
    reason="MoreLoad",
    message="60 requests/s need 6 replicas.",
    requests_per_second=60,
    decided_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_decision_within_its_share_stays_as_it_is() -> None:
    assert rationed(DECISION, share=6, gpus=8) == DECISION


def test_a_decision_beyond_its_share_says_what_is_missing_and_what_to_do() -> None:
    found = rationed(DECISION, share=4, gpus=8)

    assert (found.replicas, found.reason) == (4, ScaleReason.BUDGET_LIMITED)
    assert found.message.startswith("60 requests/s need 6 replicas. The namespace may use 8 GPUs")
    assert "4 of 6 replicas is this one's fair share" in found.message
    assert found.requests_per_second == 60


wants = st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.builds(
        lambda least, more, gpus: Want(least=least, replicas=least + more, gpus=gpus),
        st.integers(1, 3),
        st.integers(0, 20),
        st.integers(1, 4),
    ),
    max_size=6,
)


@given(wants, st.integers(0, 100))
def test_nobody_gets_less_than_the_least_or_more_than_needed(
    asked: dict[str, Want], gpus: int
) -> None:
    shares = fair_shares(asked, gpus)

    assert all(it.least <= shares[key] <= it.replicas for key, it in asked.items())
    promised = sum(it.least * it.gpus for it in asked.values())
    assert sum(shares[key] * it.gpus for key, it in asked.items()) <= max(gpus, promised)


@given(wants, st.integers(0, 100))
def test_nothing_that_fits_is_left_over(asked: dict[str, Want], gpus: int) -> None:
    shares = fair_shares(asked, gpus)

    left = gpus - sum(shares[key] * it.gpus for key, it in asked.items())
    assert all(shares[key] == it.replicas or it.gpus > left for key, it in asked.items())


@given(wants, st.integers(0, 100))
def test_more_gpus_are_less_for_nobody_where_all_replicas_are_alike(
    asked: dict[str, Want], gpus: int
) -> None:
    alike = {key: Want(least=it.least, replicas=it.replicas, gpus=1) for key, it in asked.items()}

    fewer, more = fair_shares(alike, gpus), fair_shares(alike, gpus + 1)

    assert all(fewer[key] <= more[key] for key in alike)
