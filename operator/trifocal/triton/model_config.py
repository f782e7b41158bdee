"""A served model's Triton configuration as values: what is asked of Triton, and why. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from trifocal.api.scaling import ScalingSpec
from trifocal.api.serving import Batching, ServingSpec
from trifocal.triton.images import ServingBackend, TritonImage
from trifocal.triton.tensor import Tensor, triton_type

MODEL_FILES: Mapping[ServingBackend, str] = MappingProxyType(
    {"onnxruntime": "model.onnx", "tensorrt": "model.plan"}
)
"""The artifact's file where the backend loads it itself."""
LATENCY_FAMILY = "nv_inference_first_response_histogram_ms"

_LATENCY_EDGES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Bucket edges as multiples of the objective: fine around it, and one exactly on it, so that the
share of requests that miss the objective is a count and not an interpolation."""
_DEFAULT_MILLISECONDS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2000)
"""Where no objective is given. Triton's own edges start at 100."""

_WARMUP_RUNS = 3
"""The first run allocates and the second may still tune; the third is as fast as the rest."""


@dataclass(frozen=True, kw_only=True)
class TensorConfig:
    """An input or output, without the batch dimension if the model batches."""

    name: str
    triton_type: str
    dims: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """Requests that an instance answers before the model is ready; an error keeps it from that."""

    name: str
    batch_size: int
    inputs: tuple[TensorConfig, ...]
    """With every dimension known."""
    count: int = _WARMUP_RUNS


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that config.pbtxt says."""

    name: str
    backend: ServingBackend
    max_batch_size: int
    """0: the model has no batch dimension, and requests are executed one by one."""
    inputs: tuple[TensorConfig, ...]
    outputs: tuple[TensorConfig, ...]
    instances: int
    instance_kind: Literal["KIND_CPU", "KIND_GPU"]
    batching: Batching
    parameters: Mapping[str, str]
    warm_ups: tuple[WarmUp, ...]
    latency_buckets: tuple[float, ...]
    """As Triton takes them, rising; empty where the image has no such metric."""


def model_config(
    name: str,
    tensors: tuple[Sequence[Tensor], Sequence[Tensor]],
    serving: ServingSpec,
    scaling: ScalingSpec | None,
    image: TritonImage,
    threads: int,
) -> ModelConfig:
    """Configure a model for an image.

    Args:
        name: The model's name as clients ask for it.
        tensors: Inputs and outputs of the artifact, with their batch dimension.
        serving: What the user asked for.
        scaling: Its objective is where the latency buckets are finest.
        image: What the configuration must be understood by.
        threads: CPU threads of each instance.
    """
    inputs, outputs = tensors
    batches = all(t.shape and t.shape[0] < 0 for t in (*inputs, *outputs))
    max_batch_size = serving.batching.max_batch_size if batches else 0
    configured = _tensors(inputs, batches=batches)
    on_gpu = serving.accelerator is not None and image.backend != "python"
    return ModelConfig(
        name=name,
        backend=image.backend,
        max_batch_size=max_batch_size,
        inputs=configured,
        outputs=_tensors(outputs, batches=batches),
        instances=serving.instances,
        instance_kind="KIND_GPU" if on_gpu else "KIND_CPU",
        batching=serving.batching,
        parameters=_parameters(image, threads),
        warm_ups=_warm_ups(configured, max_batch_size),
        latency_buckets=_latency_buckets(scaling) if image.has_latency_histogram else (),
    )


def _parameters(image: TritonImage, threads: int) -> dict[str, str]:
    if image.backend == "tensorrt":  # It computes on the GPU alone.
        return {}
    return {"intra_op_thread_count": str(threads), "inter_op_thread_count": "1"}


def _tensors(tensors: Sequence[Tensor], *, batches: bool) -> tuple[TensorConfig, ...]:
    return tuple(
        TensorConfig(
            name=tensor.name,
            triton_type=triton_type(tensor),
            dims=tensor.shape[1:] if batches else tensor.shape,
        )
        for tensor in tensors
    )


def _warm_ups(inputs: tuple[TensorConfig, ...], max_batch_size: int) -> tuple[WarmUp, ...]:
    """Batches of one and of the largest size: the two that clients meet first.

    Dimensions that vary are warmed up at 1.
    """
    fixed = tuple(
        TensorConfig(
            name=tensor.name,
            triton_type=tensor.triton_type,
            dims=tuple(max(dim, 1) for dim in tensor.dims),
        )
        for tensor in inputs
    )
    # Triton wants 0 here for a model without a batch dimension.
    sizes = sorted({min(1, max_batch_size), max_batch_size})
    return tuple(WarmUp(name=f"batch-{size}", batch_size=size, inputs=fixed) for size in sizes)


def _latency_buckets(scaling: ScalingSpec | None) -> tuple[float, ...]:
    """Edges in Triton's terms.

    It counts whole milliseconds, rounded down, so a bucket up to 49 holds what took less than 50
    (`exposition` gives the 50 back).
    """
    if scaling is None:
        return tuple(limit - 1 for limit in _DEFAULT_MILLISECONDS)
    objective = scaling.objective.latency.max_milliseconds
    return tuple(sorted({math.ceil(objective * edge) - 1 for edge in _LATENCY_EDGES}))
