"""Scrapes that are lost: which, and that the same question has the same answer."""

from trifocal.autoscaling.simulation.lost import NOTHING, Lost

OUTAGE = Lost(windows=((100, 200), (300, 310)))


def test_in_a_window_everything_is_lost_and_its_end_is_not_in_it() -> None:
    assert [OUTAGE.everything(at) for at in (99.9, 100, 199.9, 200, 305)] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert OUTAGE.scrape(0, 150)
    assert not OUTAGE.scrape(0, 250)


def test_what_is_known_ends_where_the_window_began() -> None:
    assert [OUTAGE.known_until(at) for at in (50, 150, 200, 305)] == [50, 100, 200, 300]


def test_nothing_is_lost_by_default() -> None:
    assert not NOTHING
    assert not any(NOTHING.scrape(pod, 5.0 * step) for pod in range(5) for step in range(20))


def test_a_share_of_the_scrapes_fails_always_the_same_ones() -> None:
    """Of 4000 a fifth: 800, with a standard deviation of 25."""
    lost = Lost(share=0.2, seed=7)
    scrapes = [(pod, 15.0 * step) for pod in range(10) for step in range(400)]
    first = [lost.scrape(*scrape) for scrape in scrapes]

    assert abs(sum(first) - 800) < 5 * 25
    assert [lost.scrape(*scrape) for scrape in scrapes] == first
    assert [Lost(share=0.2, seed=8).scrape(*scrape) for scrape in scrapes] != first
