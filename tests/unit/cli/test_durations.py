"""Lengths of time, as kubectl's --timeout takes them and its ages show them."""

from datetime import timedelta

import click
import pytest

from trifocal.cli.durations import Timeout, said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400)],
)
def test_a_time_out_is_read_as_kubectl_writes_it(text: str, seconds: float) -> None:
    assert Timeout().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-5s", "5d", "m", "5mm"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="90s, 5m or 1h30m"):
        Timeout().convert(text, None, None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0s"),
        (0, "0s"),
        (59.6, "1m"),
        (45, "45s"),
        (125, "2m5s"),
        (3600, "1h"),
        (11_999, "3h19m"),
        (191_000, "2d5h"),
        (864_000, "10d"),
    ],
)
def test_a_length_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert said(timedelta(seconds=seconds)) == words
