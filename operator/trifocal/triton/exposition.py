"""Triton's /metrics text as typed samples for each model. Pure.

Triton writes every family several times for one model: once with `gpu_uuid` and once without, the
one that does not apply staying at zero, and once for each version. Counters and gauges are
therefore summed over a model's series, never averaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LatencyHistogram:
    """`nv_inference_first_response_histogram_ms`: total latency for models that answer once."""

    buckets: tuple[tuple[float, float], ...]
    """(upper edge in milliseconds, requests at or below it), rising; the last edge is infinity."""
    sum_milliseconds: float


@dataclass(frozen=True, kw_only=True)
class ModelSamples:
    """What one pod has counted for one model since it started, over all its versions.

    Counters move only when a request has been answered; under overload `pending` leads.
    """

    success: float = 0.0
    """Requests answered."""
    failure: Mapping[str, float]
    """Requests failed, by reason; REJECTED are those that waited longer than the queue timeout."""
    inferences: float = 0.0
    """Items of a batch, summed over requests."""
    executions: float = 0.0
    """Batches executed; inferences / executions is the mean batch size."""
    request_microseconds: float = 0.0
    """Time in the server, queue included, summed over requests."""
    queue_microseconds: float = 0.0
    """Time before execution, the batcher's delay included, summed over requests."""
    compute_input_microseconds: float = 0.0
    compute_infer_microseconds: float = 0.0
    """Execution, summed over requests: a batch of b adds its time b times."""
    compute_output_microseconds: float = 0.0
    pending: float = 0.0
    """Requests that wait for execution now."""
    request_quantiles_microseconds: Mapping[float, float]
    """Quantile (0.99) to total latency over the last 60 s of this pod; empty when idle or off.

    The largest over the model's series: quantiles cannot be summed, nor averaged over pods.
    """
    latency: LatencyHistogram | None = None
    """None before Triton 26.01, which has no such family for ordinary models."""


def parse(text: str) -> Mapping[str, ModelSamples]:
    """Samples by model name; a model that the text does not mention is absent.

    Raises:
        ValueError: The text is no Prometheus exposition.
    """
    raise NotImplementedError
