"""Which image serves, and what it is trusted to understand."""

import pytest

from trifocal.api.serving import TritonSpec
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage, resolve_image

SETTINGS = Settings(triton_repository="nvcr.io/nvidia/tritonserver", triton_version="26.07")
LOCAL = Settings(triton_image="localhost/triton-cpu:0.1.0", triton_backend="python")


def test_without_a_word_the_operators_default_release_serves() -> None:
    assert resolve_image(None, SETTINGS) == TritonImage(
        reference="nvcr.io/nvidia/tritonserver:26.07-py3", release=(26, 7), backend="onnxruntime"
    )


def test_an_operators_own_default_image_is_of_unknown_release_and_of_the_set_backend() -> None:
    assert resolve_image(TritonSpec(), LOCAL) == TritonImage(
        reference="localhost/triton-cpu:0.1.0", release=None, backend="python"
    )


def test_an_objects_version_wins_over_the_operators_image() -> None:
    assert resolve_image(TritonSpec(version="25.01"), LOCAL).reference.endswith(
        "/tritonserver:25.01-py3"
    )


def test_an_objects_image_has_the_backend_that_it_says() -> None:
    image = resolve_image(TritonSpec(image="example.com/triton:1", backend="python"), SETTINGS)
    assert (image.reference, image.release, image.backend) == (
        "example.com/triton:1",
        None,
        "python",
    )


def test_an_objects_image_runs_onnxruntime_unless_it_says_otherwise() -> None:
    image = resolve_image(TritonSpec(image="example.com/triton:1"), LOCAL)
    assert image.backend == "onnxruntime"


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("mirror.example.com/nvidia/tritonserver:26.07-py3", (26, 7)),
        ("mirror.example.com:5000/tritonserver:24.10-py3@sha256:" + 64 * "0", (24, 10)),
        ("tritonserver:26.01-py3", (26, 1)),
        ("example.com/my-tritonserver:26.07-py3", None),
        ("example.com/tritonserver:26.07-py3-sdk", None),
        ("example.com/tritonserver:latest", None),
        ("example.com/triton:26.07-py3", None),
    ],
)
def test_a_release_is_known_only_where_nvidias_name_and_tag_are_kept(
    reference: str, release: tuple[int, int] | None
) -> None:
    assert resolve_image(TritonSpec(image=reference), SETTINGS).release == release


@pytest.mark.parametrize(
    ("release", "histogram", "shared_memory_flag"),
    [
        (None, False, False),
        ((24, 10), False, False),
        ((25, 12), False, False),
        ((26, 1), True, False),
        ((26, 4), True, False),
        ((26, 5), True, True),
        ((27, 1), True, True),
    ],
)
def test_features_begin_with_their_release(
    release: tuple[int, int] | None, *, histogram: bool, shared_memory_flag: bool
) -> None:
    image = TritonImage(reference="x", release=release, backend="onnxruntime")
    assert image.has_latency_histogram is histogram
    assert image.has_client_shared_memory_flag is shared_memory_flag


def test_an_engine_is_loaded_by_its_own_backend_whatever_runs_onnx() -> None:
    triton = TritonSpec(image="example.com/triton:1", backend="python")
    image = resolve_image(triton, SETTINGS, "tensorrt")
    assert (image.reference, image.backend) == ("example.com/triton:1", "tensorrt")


def test_a_backend_that_does_not_exist_is_named_in_the_error() -> None:
    settings = Settings(triton_image="x", triton_backend="tensorrt")
    with pytest.raises(ValueError, match="TRIFOCAL_TRITON_BACKEND is 'tensorrt'"):
        resolve_image(None, settings)
