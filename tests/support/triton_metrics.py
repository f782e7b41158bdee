"""What a real Triton 2.51 said, recorded, and a histogram in the words of Triton 26.01."""

from pathlib import Path

RECORDED = (
    Path(__file__).parents[1] / "unit" / "triton" / "data" / "triton-2.51-metrics.txt"
).read_text()
HISTOGRAM = """\
# TYPE nv_inference_first_response_histogram_ms histogram
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="4"} 0
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="9"} 10
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="19"} 40
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="49"} 55
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="99"} 60
nv_inference_first_response_histogram_ms_bucket{model="small",version="1",le="+Inf"} 60
nv_inference_first_response_histogram_ms_sum{model="small",version="1"} 1442
nv_inference_first_response_histogram_ms_count{model="small",version="1"} 60
"""
"""For the 60 requests that the recorded text has answered."""
