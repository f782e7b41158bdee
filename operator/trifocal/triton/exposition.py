"""Triton's /metrics text as typed samples for each model. Pure.

Triton writes every family several times for one model: once with `gpu_uuid` and once without, the
one that does not apply staying at zero, and once for each version. Counters and gauges are
therefore summed over a model's series, never averaged.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_PREFIX = "nv_inference_"
_SUMMARY_SUFFIX = "_summary_us"
_SUMMARY = "nv_inference_request_summary_us"
_HISTOGRAM = "nv_inference_first_response_histogram_ms"


@dataclass(frozen=True, kw_only=True)
class LatencyHistogram:
    """`nv_inference_first_response_histogram_ms`: total latency for models that answer once."""

    buckets: tuple[tuple[float, float], ...]
    """(milliseconds, requests that took less), rising; the last is infinity. Triton counts whole
    milliseconds, rounded down, so its own edge is one lower than what it stands for."""
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
    lines = "\n".join(filter(_is_read, text.splitlines()))
    by_model: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(lines + "\n"):
        for sample in family.samples:
            by_model.setdefault(sample.labels.get("model", ""), []).append(sample)
    by_model.pop("", None)
    return {model: _model_samples(samples) for model, samples in by_model.items()}


def _is_read(line: str) -> bool:
    """Half of a page are summaries of phases, which nobody reads and parsing would pay for."""
    return line.startswith(_PREFIX) and (_SUMMARY_SUFFIX not in line or line.startswith(_SUMMARY))


def _model_samples(samples: Sequence[Sample]) -> ModelSamples:
    total = _totals(samples)
    return ModelSamples(
        success=total.get("request_success", 0.0),
        failure=_by_label(samples, "nv_inference_request_failure", "reason"),
        inferences=total.get("count", 0.0),
        executions=total.get("exec_count", 0.0),
        request_microseconds=total.get("request_duration_us", 0.0),
        queue_microseconds=total.get("queue_duration_us", 0.0),
        compute_input_microseconds=total.get("compute_input_duration_us", 0.0),
        compute_infer_microseconds=total.get("compute_infer_duration_us", 0.0),
        compute_output_microseconds=total.get("compute_output_duration_us", 0.0),
        pending=total.get("pending_request_count", 0.0),
        request_quantiles_microseconds=_quantiles(samples),
        latency=_histogram(samples),
    )


def _totals(samples: Sequence[Sample]) -> Mapping[str, float]:
    totals: dict[str, float] = {}
    for sample in samples:
        name = sample.name.removeprefix(_PREFIX)
        totals[name] = totals.get(name, 0.0) + sample.value
    return totals


def _by_label(samples: Sequence[Sample], name: str, label: str) -> Mapping[str, float]:
    totals: dict[str, float] = {}
    for sample in samples:
        if sample.name == name:
            key = sample.labels.get(label, "")
            totals[key] = totals.get(key, 0.0) + sample.value
    return totals


def _quantiles(samples: Sequence[Sample]) -> Mapping[float, float]:
    """NaN, which an idle model's summary says, is no value."""
    largest: dict[float, float] = {}
    for sample in samples:
        quantile = sample.labels.get("quantile")
        if sample.name != _SUMMARY or quantile is None or math.isnan(sample.value):
            continue
        largest[float(quantile)] = max(sample.value, largest.get(float(quantile), 0.0))
    return largest


def _histogram(samples: Sequence[Sample]) -> LatencyHistogram | None:
    counts = _by_label(samples, f"{_HISTOGRAM}_bucket", "le")
    if not counts:
        return None
    return LatencyHistogram(
        buckets=tuple(sorted((float(edge) + 1, count) for edge, count in counts.items())),
        sum_milliseconds=sum(s.value for s in samples if s.name == f"{_HISTOGRAM}_sum"),
    )
