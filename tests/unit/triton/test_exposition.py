"""Metrics text to samples: a capture of a real server, and the traps that it does not show."""

import math
from pathlib import Path

import pytest

from trifocal.triton.exposition import LatencyHistogram, parse

CAPTURE = Path(__file__).parent / "data" / "triton-2.51-metrics.txt"
"""Triton 2.51 (24.10) on CPU with summaries on, after 15 warm-up requests of batch 1, and then 45
answered requests of 163 images and 29 that the queue timeout refused, as their client counted."""


def test_a_real_servers_text_agrees_with_what_its_client_counted() -> None:
    samples = parse(CAPTURE.read_text())["small"]
    assert samples.success == 15 + 45
    assert samples.failure["REJECTED"] == 29
    assert sum(samples.failure.values()) == 29
    assert samples.inferences == 15 + 163
    assert samples.executions == 51
    assert samples.pending == 0


def test_a_real_servers_durations_and_quantiles_are_read_where_they_stand() -> None:
    samples = parse(CAPTURE.read_text())["small"]
    assert samples.request_microseconds == 1442420
    assert samples.queue_microseconds == 61127
    assert samples.compute_input_microseconds == 2505
    assert samples.compute_infer_microseconds == 1370498
    assert samples.compute_output_microseconds == 7768
    assert samples.request_quantiles_microseconds == {
        0.5: 18855,
        0.9: 46113,
        0.95: 50189,
        0.99: 82588,
        0.999: 82588,
    }


def test_a_release_without_the_histogram_gives_none() -> None:
    assert parse(CAPTURE.read_text())["small"].latency is None


TWINS = """\
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="m",version="1"} 0
nv_inference_request_success{gpu_uuid="GPU-1",model="m",version="1"} 40
nv_inference_request_success{gpu_uuid="GPU-2",model="m",version="1"} 60
nv_inference_request_success{gpu_uuid="GPU-1",model="other",version="1"} 5
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="m",version="1"} 7
nv_inference_pending_request_count{gpu_uuid="GPU-1",model="m",version="1"} 0
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="m",reason="REJECTED",version="1"} 0
nv_inference_request_failure{gpu_uuid="GPU-1",model="m",reason="REJECTED",version="1"} 2
nv_inference_request_failure{gpu_uuid="GPU-2",model="m",reason="REJECTED",version="1"} 3
"""


def test_the_twins_of_a_family_are_summed_and_never_averaged() -> None:
    samples = parse(TWINS)["m"]
    assert samples.success == 100
    assert samples.pending == 7
    assert samples.failure == {"REJECTED": 5}


def test_models_are_kept_apart() -> None:
    assert parse(TWINS)["other"].success == 5


def test_versions_of_a_model_are_summed() -> None:
    text = """\
# TYPE nv_inference_count counter
nv_inference_count{model="m",version="1"} 3
nv_inference_count{model="m",version="2"} 4
"""
    assert parse(text)["m"].inferences == 7


def test_an_idle_models_quantiles_are_absent_and_of_several_the_largest_counts() -> None:
    text = """\
# TYPE nv_inference_request_summary_us summary
nv_inference_request_summary_us{model="m",version="1",quantile="0.5"} NaN
nv_inference_request_summary_us{gpu_uuid="a",model="m",version="1",quantile="0.5"} NaN
nv_inference_request_summary_us{model="m",version="1",quantile="0.99"} NaN
nv_inference_request_summary_us{gpu_uuid="a",model="m",version="1",quantile="0.99"} 2000
nv_inference_request_summary_us{gpu_uuid="b",model="m",version="1",quantile="0.99"} 5000
"""
    assert parse(text)["m"].request_quantiles_microseconds == {0.99: 5000}


def test_histograms_are_added_up_and_their_edges_undo_tritons_rounding_down() -> None:
    text = """\
# TYPE nv_inference_first_response_histogram_ms histogram
nv_inference_first_response_histogram_ms_count{model="m",version="1"} 4
nv_inference_first_response_histogram_ms_sum{model="m",version="1"} 90
nv_inference_first_response_histogram_ms_bucket{model="m",version="1",le="10"} 1
nv_inference_first_response_histogram_ms_bucket{model="m",version="1",le="25"} 3
nv_inference_first_response_histogram_ms_bucket{model="m",version="1",le="+Inf"} 4
nv_inference_first_response_histogram_ms_bucket{gpu_uuid="a",model="m",version="1",le="10"} 0
nv_inference_first_response_histogram_ms_bucket{gpu_uuid="a",model="m",version="1",le="25"} 0
nv_inference_first_response_histogram_ms_bucket{gpu_uuid="a",model="m",version="1",le="+Inf"} 0
nv_inference_first_response_histogram_ms_sum{gpu_uuid="a",model="m",version="1"} 0
"""
    assert parse(text)["m"].latency == LatencyHistogram(
        buckets=((11, 1), (26, 3), (math.inf, 4)), sum_milliseconds=90
    )


def test_a_model_that_served_nothing_yet_is_there_with_zeros() -> None:
    samples = parse('nv_inference_pending_request_count{model="m",version="1"} 0\n')["m"]
    assert (samples.success, samples.executions, samples.failure) == (0, 0, {})


@pytest.mark.parametrize("text", ["", "nv_cpu_utilization 0.5\n", "# nothing\n"])
def test_no_model_is_no_error(text: str) -> None:
    assert parse(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        'nv_inference_count{model="m",version="1"} many\n',
        'nv_inference_count{model="m\n',
    ],
)
def test_text_that_is_no_exposition_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
