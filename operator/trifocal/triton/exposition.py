"""Triton's /metrics text as typed samples for each model. Pure.

Triton writes every family several times for one model: once with `gpu_uuid` and once without, the
one that does not apply staying at zero, and once for each version. Counters and gauges are
therefore summed over a model's series, never averaged.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from trifocal.triton.text_format import samples

PREFIX = "nv_inference_"
FAILURE = "request_failure"
QUANTILE = "request_summary_us"
BUCKET = "first_response_histogram_ms_bucket"
HISTOGRAM_SUM = "first_response_histogram_ms_sum"
COUNTED = (
    "request_success",
    "count",
    "exec_count",
    "request_duration_us",
    "queue_duration_us",
    "compute_input_duration_us",
    "compute_infer_duration_us",
    "compute_output_duration_us",
    "pending_request_count",
)
"""What every supported Triton says of every model from its start on, be it zero."""
_READ = {PREFIX + name: name for name in (*COUNTED, HISTOGRAM_SUM, FAILURE, QUANTILE, BUCKET)}
"""Half of a page are comments, and half of the rest are summaries of phases, which nobody reads."""


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
        ValueError: A line that is read is none of a Prometheus exposition.
    """
    by_model: defaultdict[str, _Tally] = defaultdict(_Tally)
    for name, labels, value in samples(text, _READ):
        if model := labels.get("model"):
            by_model[model].add(_READ[name], labels, value)
    return {model: tally.samples() for model, tally in by_model.items()}


@dataclass(slots=True)
class _Tally:
    """Sums over the series of one model, while its text is read."""

    totals: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    failure: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    quantiles: dict[float, float] = field(default_factory=dict)
    buckets: defaultdict[float, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """One sample, by its name without the prefix."""
        if name == QUANTILE:
            self._add_quantile(float(labels.get("quantile", "")), value)
        elif not math.isfinite(value):
            raise ValueError(f"{PREFIX}{name} is {value}, and counts nothing.")
        elif name == FAILURE:
            self.failure[labels.get("reason", "")] += value
        elif name == BUCKET:
            self.buckets[float(labels.get("le", ""))] += value
        else:
            self.totals[name] += value

    def _add_quantile(self, quantile: float, value: float) -> None:
        """NaN, which an idle model's summary says, is no value."""
        if not math.isnan(value):
            self.quantiles[quantile] = max(value, self.quantiles.get(quantile, 0.0))

    def samples(self) -> ModelSamples:
        """The sums, those of families that the text lacks being 0."""
        return samples_of(self.totals, dict(self.failure), self.quantiles, self.buckets)


def samples_of(
    totals: Mapping[str, float],
    failure: Mapping[str, float],
    quantiles: Mapping[float, float],
    buckets: Mapping[float, float],
) -> ModelSamples:
    """One model's samples.

    Args:
        totals: Sums by name without the prefix; each of COUNTED must be there.
        failure: As in ModelSamples.
        quantiles: As in ModelSamples.
        buckets: Counts by the edges that Triton writes; empty where it has no histogram.
    """
    histogram = LatencyHistogram(
        buckets=tuple(sorted((edge + 1, count) for edge, count in buckets.items())),
        sum_milliseconds=totals.get(HISTOGRAM_SUM, 0.0),
    )
    return ModelSamples(
        success=totals["request_success"],
        failure=failure,
        inferences=totals["count"],
        executions=totals["exec_count"],
        request_microseconds=totals["request_duration_us"],
        queue_microseconds=totals["queue_duration_us"],
        compute_input_microseconds=totals["compute_input_duration_us"],
        compute_infer_microseconds=totals["compute_infer_duration_us"],
        compute_output_microseconds=totals["compute_output_duration_us"],
        pending=totals["pending_request_count"],
        request_quantiles_microseconds=quantiles,
        latency=histogram if buckets else None,
    )
