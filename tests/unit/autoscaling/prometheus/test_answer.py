"""Reading answers: those of the API's documentation, and those of things that are no Prometheus."""

import json
import math

import pytest

from trifocal.autoscaling.prometheus.answer import (
    Point,
    PrometheusError,
    Series,
    read_answer,
    refusal,
)

URL = "http://prometheus:9090/api/v1/query"

DOCUMENTED = """{
   "status" : "success",
   "data" : {
      "resultType" : "vector",
      "result" : [
         {
            "metric" : {"__name__" : "up", "job" : "prometheus", "instance" : "localhost:9090"},
            "value": [1435781451.781, "1"]
         },
         {
            "metric" : {"__name__" : "up", "job" : "node", "instance" : "localhost:9100"},
            "value" : [1435781451.781, "0"]
         }
      ]
   }
}"""
"""https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries"""


def success(kind: str, result: object, **more: object) -> bytes:
    data = {"resultType": kind, "result": result}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def test_the_documented_answer_is_two_series() -> None:
    up, down = read_answer(DOCUMENTED.encode(), URL).series
    assert up == Series(
        {"__name__": "up", "job": "prometheus", "instance": "localhost:9090"},
        (Point(1435781451.781, 1),),
    )
    assert down.labels["job"] == "node"
    assert down.points[0].value == 0


def test_a_range_vector_has_its_samples_with_their_times() -> None:
    body = success("matrix", [{"metric": {"pod": "a"}, "values": [[10, "1"], [25.5, "3"]]}])
    assert read_answer(body, URL).series == (Series({"pod": "a"}, (Point(10, 1), Point(25.5, 3))),)


def test_a_scalar_is_one_series_without_labels() -> None:
    assert read_answer(success("scalar", [10, "2"]), URL).series == (Series({}, (Point(10, 2),)),)


def test_numbers_that_json_does_not_know_are_read() -> None:
    body = success(
        "vector", [{"metric": {"n": v}, "value": [1, v]} for v in ("NaN", "+Inf", "1.5e+06")]
    )
    values = [each.points[0].value for each in read_answer(body, URL).series]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, 1_500_000]


def test_nothing_found_is_an_answer_without_series_and_no_zero() -> None:
    assert read_answer(success("vector", []), URL).series == ()


def test_warnings_are_kept_and_infos_are_not() -> None:
    body = success("vector", [], warnings=["store a timed out"], infos=["might not be a counter"])
    assert read_answer(body, URL).warnings == ("store a timed out",)


def test_an_error_says_what_prometheus_says() -> None:
    body = b'{"status":"error","errorType":"bad_data","error":"1:3: parse error: unexpected end"}'
    with pytest.raises(PrometheusError) as caught:
        read_answer(body, URL)
    assert str(caught.value) == (
        f"{URL} refused the query: bad_data: 1:3: parse error: unexpected end."
    )
    assert refusal(body) == "bad_data: 1:3: parse error: unexpected end"


@pytest.mark.parametrize(
    "body", [b"", b"<html>Welcome</html>", b"\xff\xfe", b"[1, 2]", b'{"message": "hello"}']
)
def test_something_else_than_prometheus_is_told_from_it(body: bytes) -> None:
    with pytest.raises(PrometheusError, match="not Prometheus' JSON"):
        read_answer(body, URL)
    assert refusal(body) == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "success"}',
        success("string", [1, "hello"]),
        success("vector", [{"metric": {}, "histogram": [1, {"count": "3"}]}]),
        success("vector", [{"metric": {}, "value": [1, "many"]}]),
        success("matrix", [{"metric": {}, "values": [[1]]}]),
    ],
)
def test_what_is_no_number_is_refused(body: bytes) -> None:
    with pytest.raises(PrometheusError, match="something else than numbers"):
        read_answer(body, URL)
