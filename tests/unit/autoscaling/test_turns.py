"""When a model that nobody scales is looked at."""

from datetime import UTC, datetime, timedelta

from trifocal.autoscaling.turns import Turns

START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_PASS = timedelta(seconds=5)


def looks(names: range, passes: int) -> list[int]:
    """How many are looked at in each pass."""
    turns = Turns()
    return [len(turns.take(names, START + n * EVERY_PASS)) for n in range(passes)]


def test_all_are_looked_at_at_once_and_then_spread_over_the_interval() -> None:
    first, *later = looks(range(600), 1 + 12)
    assert first == 600
    # The second look of each comes within 30 s, which are six passes; then one in every six.
    assert sum(later[:6]) == 600
    assert later[6:] == later[:6]
    assert max(later) <= 150


def test_who_is_there_no_more_and_comes_back_is_new() -> None:
    turns = Turns()
    assert turns.take(["a"], START) == {"a"}
    assert turns.take([], START) == set()
    assert turns.take(["a"], START) == {"a"}
