"""config.pbtxt, as an independent parser with Triton's own message definition reads it."""

import math
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.api.serving import Accelerator, Batching, ServingSpec
from trifocal.optimizer.contract import Tensor
from trifocal.triton.images import TritonImage
from trifocal.triton.model_config import model_config
from trifocal.triton.pbtxt import to_pbtxt

INPUTS = (Tensor(name="image", dtype="float32", shape=(-1, 3, 224, 224)),)
OUTPUTS = (Tensor(name="scores", dtype="float32", shape=(-1, 4)),)
NEW = TritonImage(reference="x", release=(26, 7), backend="onnxruntime")
OLD = TritonImage(reference="x", release=(24, 10), backend="onnxruntime")
ENGINE = TritonImage(reference="x", release=(26, 7), backend="tensorrt")
PYTHON = TritonImage(reference="x", release=None, backend="python")


def objective(milliseconds: float) -> ScalingSpec:
    latency = LatencyObjective(max_milliseconds=milliseconds)
    return ScalingSpec(max_replicas=4, objective=Objective(latency=latency))


def text(
    serving: ServingSpec | None = None,
    image: TritonImage = NEW,
    scaling: ScalingSpec | None = None,
    tensors: tuple[Any, Any] = (INPUTS, OUTPUTS),
    threads: int = 1,
) -> str:
    return to_pbtxt(
        model_config("digits", tensors, serving or ServingSpec(), scaling, image, threads)
    )


def parsed(*args: Any, **kwargs: Any) -> Any:
    """Strict: an unknown field or a wrong type is an error."""
    return text_format.Parse(text(*args, **kwargs), model_config_pb2.ModelConfig())


def test_name_backend_and_file_are_those_that_the_image_offers() -> None:
    config = parsed()
    assert (config.name, config.backend, config.default_model_filename) == (
        "digits",
        "onnxruntime",
        "model.onnx",
    )
    assert parsed(image=PYTHON).backend == "python"


def test_an_engine_is_a_plan_on_a_gpu_without_threads_of_its_own() -> None:
    serving = ServingSpec(accelerator=Accelerator(product="NVIDIA-L4"))
    config = parsed(serving, image=ENGINE)
    assert (config.backend, config.default_model_filename) == ("tensorrt", "model.plan")
    assert config.instance_group[0].kind == model_config_pb2.ModelInstanceGroup.KIND_GPU
    assert not config.parameters


def test_tensors_are_declared_without_their_batch_dimension() -> None:
    config = parsed()
    assert [(t.name, t.data_type, list(t.dims)) for t in config.input] == [
        ("image", model_config_pb2.TYPE_FP32, [3, 224, 224])
    ]
    assert [(t.name, t.data_type, list(t.dims)) for t in config.output] == [
        ("scores", model_config_pb2.TYPE_FP32, [4])
    ]


@pytest.mark.parametrize(
    ("dtype", "triton"),
    [
        ("float16", model_config_pb2.TYPE_FP16),
        ("float32", model_config_pb2.TYPE_FP32),
        ("int64", model_config_pb2.TYPE_INT64),
        ("uint8", model_config_pb2.TYPE_UINT8),
        ("bool", model_config_pb2.TYPE_BOOL),
    ],
)
def test_element_types_get_tritons_names(dtype: str, triton: int) -> None:
    outputs = (Tensor(name="scores", dtype=dtype, shape=(-1, 4)),)
    assert parsed(tensors=(INPUTS, outputs)).output[0].data_type == triton


def test_an_element_type_that_triton_lacks_is_named() -> None:
    outputs = (Tensor(name="scores", dtype="bfloat16", shape=(-1, 4)),)
    with pytest.raises(ValueError, match=r"Tensor scores has element type bfloat16.*float32"):
        text(tensors=(INPUTS, outputs))


def test_batching_is_what_the_user_asked_for() -> None:
    batching = Batching(
        max_batch_size=16, max_queue_delay_microseconds=700, queue_timeout_milliseconds=90
    )
    config = parsed(ServingSpec(batching=batching))
    policy = config.dynamic_batching.default_queue_policy
    assert config.max_batch_size == 16
    assert config.dynamic_batching.max_queue_delay_microseconds == 700
    assert policy.timeout_action == model_config_pb2.ModelQueuePolicy.REJECT
    assert policy.default_timeout_microseconds == 90_000


def test_without_a_queue_timeout_requests_wait_as_long_as_they_must() -> None:
    config = parsed()
    assert config.HasField("dynamic_batching")
    assert not config.dynamic_batching.HasField("default_queue_policy")


FIXED = (
    (Tensor(name="image", dtype="float32", shape=(1, 3, 8, 8)),),
    (Tensor(name="scores", dtype="float32", shape=(1, 4)),),
)


def test_a_model_without_a_batch_dimension_keeps_its_whole_shape_and_is_not_batched() -> None:
    config = parsed(tensors=FIXED)
    assert not config.HasField("dynamic_batching")
    assert list(config.input[0].dims) == [1, 3, 8, 8]


def test_a_batch_size_of_zero_is_written_out() -> None:
    """Triton takes an absent one for a reason to refuse; protobuf's own printer drops zeros."""
    assert "\nmax_batch_size: 0\n" in text(tensors=FIXED)


def test_warm_up_covers_a_single_image_and_a_full_batch_at_the_declared_shape() -> None:
    warm_ups = parsed().model_warmup
    assert [w.batch_size for w in warm_ups] == [1, 8]
    for warm_up in warm_ups:
        value = warm_up.inputs["image"]
        assert list(value.dims) == [3, 224, 224]
        assert value.random_data
        assert warm_up.count > 0


def test_integers_are_warmed_up_with_zeros_because_a_random_index_may_not_exist() -> None:
    inputs = (Tensor(name="index", dtype="int64", shape=(-1, 1)),)
    value = parsed(tensors=(inputs, OUTPUTS)).model_warmup[0].inputs["index"]
    assert value.zero_data
    assert not value.random_data


def test_warm_up_of_a_model_without_a_batch_dimension_is_one_plain_request() -> None:
    assert [w.batch_size for w in parsed(tensors=FIXED).model_warmup] == [0]


def test_a_batch_size_of_one_is_warmed_up_once() -> None:
    serving = ServingSpec(batching=Batching(max_batch_size=1))
    assert [w.batch_size for w in parsed(serving).model_warmup] == [1]


@pytest.mark.parametrize(
    ("accelerator", "image", "kind"),
    [
        (None, NEW, "KIND_CPU"),
        (Accelerator(), NEW, "KIND_GPU"),
        # Our program runs on CPU, whatever the pod holds.
        (Accelerator(), PYTHON, "KIND_CPU"),
    ],
)
def test_instances_run_where_the_backend_can(
    accelerator: Accelerator | None, image: TritonImage, kind: str
) -> None:
    (group,) = parsed(ServingSpec(accelerator=accelerator, instances=3), image).instance_group
    assert group.count == 3
    assert model_config_pb2.ModelInstanceGroup.Kind.Name(group.kind) == kind


@pytest.mark.parametrize("image", [NEW, PYTHON])
def test_both_backends_get_their_threads(image: TritonImage) -> None:
    parameters = parsed(image=image, threads=4).parameters
    assert parameters["intra_op_thread_count"].string_value == "4"
    assert parameters["inter_op_thread_count"].string_value == "1"


def buckets(config: Any) -> list[float]:
    (control,) = config.model_metrics.metric_control
    assert control.metric_identifier.family == "nv_inference_first_response_histogram_ms"
    return list(control.histogram_options.buckets)


@pytest.mark.parametrize("image", [OLD, PYTHON])
def test_a_release_without_the_histogram_gets_no_buckets(image: TritonImage) -> None:
    assert not parsed(image=image, scaling=objective(50)).HasField("model_metrics")


def test_without_an_objective_the_buckets_are_made_for_vision() -> None:
    edges = buckets(parsed())
    assert edges[0] <= 1  # Triton's own begin at 100
    assert edges[-1] >= 999


@given(milliseconds=st.integers(1, 600_000))
def test_one_bucket_ends_at_the_objective_and_edges_rise(milliseconds: int) -> None:
    """Triton counts 49.9 ms as 49, so what meets 50 ms lies at or below 49."""
    edges = buckets(parsed(scaling=objective(milliseconds)))
    assert milliseconds - 1 in edges
    assert edges == sorted(set(edges))
    assert all(edge == int(edge) for edge in edges)


@given(milliseconds=st.floats(0.01, 600_000))
def test_an_objective_between_milliseconds_is_within_the_next_edge(milliseconds: float) -> None:
    """1.5 ms is counted as 1, with all that took less than 2."""
    assert math.ceil(milliseconds) - 1 in buckets(parsed(scaling=objective(milliseconds)))


@given(name=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
def test_any_tensor_name_survives(name: str) -> None:
    inputs = (Tensor(name=name, dtype="float32", shape=(-1, 3, 8, 8)),)
    config = parsed(tensors=(inputs, OUTPUTS))
    assert config.input[0].name == name
    assert set(config.model_warmup[0].inputs) == {name}
