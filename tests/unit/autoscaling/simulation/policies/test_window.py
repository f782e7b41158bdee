"""Windows of the record, and the running maximum, with the numbers of Knative's own test."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.autoscaling.simulation.policies.window import RecentMaximum, Window, last


def test_a_window_ends_where_the_last_scrape_was() -> None:
    assert last(60, now=300, lag=15) == Window(225, 285)


def test_a_window_begins_with_the_record_at_the_earliest() -> None:
    assert last(60, now=30, lag=15) == Window(0, 15)
    assert last(60, now=10, lag=15).seconds == 0


def test_maximum_scrolls_out_of_the_window() -> None:
    """TestAutoscalerScaleDownDelay of knative/serving, "gradual": five minutes."""
    recent = RecentMaximum(300)
    seen = [recent.record(60 * minute, n) for minute, n in ((9, 4), (10, 3), (11, 0), (14, 0))]
    assert seen == [4, 4, 4, 3]
    assert recent.record(60 * 15, 0) == 0


def test_a_number_leaves_when_it_is_as_old_as_the_window() -> None:
    """The same test, "simple": 4 at 2 s holds at 300 s, and no more at 302 s."""
    recent = RecentMaximum(300)
    assert [recent.record(at, n) for at, n in ((2, 4), (300, 0), (302, 0))] == [4, 4, 0]


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 10))
def test_maximum_is_that_of_all_numbers_in_the_window(numbers: list[int], seconds: int) -> None:
    recent = RecentMaximum(seconds)
    seen = [recent.record(at, n) for at, n in enumerate(numbers)]
    assert seen == [max(numbers[max(i - seconds + 1, 0) : i + 1]) for i in range(len(numbers))]
