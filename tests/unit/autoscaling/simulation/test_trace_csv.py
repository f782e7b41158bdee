"""What is read from CSV, and what is said about CSV that cannot be read."""

import re

import pytest

from trifocal.autoscaling.simulation.trace import TraceError
from trifocal.autoscaling.simulation.trace_csv import read_trace


def test_minutes_of_several_jobs() -> None:
    trace = read_trace("minute,front,back\n0,10,1\n1,20,0\n2,0,2.5\n")
    assert trace.step_seconds == 60
    assert list(trace.jobs) == ["front", "back"]
    assert trace.jobs["front"].tolist() == [10, 20, 0]
    assert trace.jobs["back"].tolist() == [1, 0, 2.5]


def test_minutes_may_start_anywhere() -> None:
    assert read_trace("minute,a\n17,1\n18,2\n").jobs["a"].tolist() == [1, 2]


def test_timestamps_give_their_own_step() -> None:
    trace = read_trace(
        "timestamp,value\n2014-07-01 00:00:00,7\n2014-07-01 00:30:00,8.0\n2014-07-01 01:00:00,9\n"
    )
    assert trace.step_seconds == 1800
    assert {name: requests.tolist() for name, requests in trace.jobs.items()} == {
        "value": [7, 8, 9]
    }


def test_timestamps_may_be_a_little_early_or_late() -> None:
    times = ("10:00:00", "10:01:02", "10:01:59", "10:02:59", "10:04:01")
    rows = "\n".join(f"2026-01-31T{time}Z,{n}" for n, time in enumerate(times))
    trace = read_trace(f"timestamp,value\n{rows}\n")
    assert trace.jobs["value"].tolist() == [0, 1, 2, 3, 4]


def test_a_timestamp_left_out_is_a_step_without_requests() -> None:
    times = ("00:04", "00:09", "00:14", "00:24", "00:29")
    rows = "\n".join(f"2014-04-10 {time}:00,5" for time in times)
    assert read_trace(f"timestamp,value\n{rows}").jobs["value"].tolist() == [5, 5, 5, 0, 5, 5]


def test_blank_lines_spaces_and_a_byte_order_mark_do_no_harm() -> None:
    assert read_trace("\ufeffminute, a\r\n\r\n0, 3\r\n1, 4\r\n\r\n").jobs["a"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The trace is empty"),
        ("\n \n", "The trace is empty"),
        ("minute,a\n", "a header and no rows"),
        ("time,a\n0,1\n", "Line 1 starts with 'time'; write `minute` or `timestamp`."),
        ("minute\n0\n", "Line 1 names no job"),
        ("minute,a,\n0,1,2\n", "Line 1 names no job"),
        ("minute,a,a\n0,1,2\n", "Line 1 has two columns 'a'"),
        ("minute,a\n0,1\n1\n", "Line 3 has 1 values, but the header has 2 columns"),
        ("minute,a\n0,1\n1,-2\n", "Line 3, column 'a': '-2' is no number of requests"),
        ("minute,a\n0,nan\n", "Line 2, column 'a': 'nan' is no number of requests"),
        ("minute,a\n0,inf\n", "Line 2, column 'a': 'inf' is no number of requests"),
        ("minute,a\n0,\n", "Line 2, column 'a': '' is no number of requests"),
        ("minute,a\n0,many\n", "Line 2, column 'a': 'many' is no number of requests"),
        ("minute,a\nnoon,1\n", "Line 2: 'noon' is no minute"),
        ("minute,a\n0,1\n2,1\n", "Line 3: minute '2' where 1 is next"),
        ("minute,a\n1,1\n\n0,1\n", "Line 4: minute '0' where 2 is next; sort the rows"),
        ("timestamp,value\n2026-01-01,1\n", "Line 2 is the only row"),
        ("timestamp,value\n5,1\n6,1\n", "Line 2: '5' is no timestamp; write it like"),
        (
            "timestamp,value\n2026-01-01 00:01,1\n2026-01-01 00:00,1\n",
            "Line 3: '2026-01-01 00:00' is not after 2026-01-01 00:01:00; sort the rows",
        ),
        (
            "timestamp,value\n2026-01-01 00:01,1\n2026-01-01 00:01,1\n",
            "Line 3: '2026-01-01 00:01' is not after",
        ),
        (
            "timestamp,value\n2026-01-01 00:01,1\n2026-01-01 00:02Z,1\n",
            "Line 3: '2026-01-01 00:02Z'; give every timestamp a time zone, or none.",
        ),
        (
            "timestamp,value\n2026-01-01,1\n2026-01-02,1\n2026-01-03,1\n2026-01-04 12:00,1\n",
            "'2026-01-04 12:00' is 129600 s after the row before, but the trace's step is 86400 s",
        ),
    ],
)
def test_a_bad_trace_is_refused_with_the_line_the_value_and_the_remedy(
    text: str, message: str
) -> None:
    with pytest.raises(TraceError, match=re.escape(message)):
        read_trace(text)
