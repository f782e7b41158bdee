"""An engine that Triton's TensorRT could not load holds the rollout with a reason."""

from trifocal.triton.images import TritonImage
from trifocal.triton.tensorrt import EngineOrigin, why_not_loadable

ORIGIN = EngineOrigin(
    tensorrt="11.2.1.2",
    triton_release="26.07",
    gpu="NVIDIA L4",
    compute_capability="8.9",
    cuda=13,
    platform="linux-x86_64",
)


def image(release: tuple[int, int] | None) -> TritonImage:
    return TritonImage(reference="triton:x", release=release, backend="tensorrt")


def test_the_release_that_it_was_built_for_loads_it() -> None:
    assert why_not_loadable(ORIGIN, image((26, 7))) is None


def test_another_release_does_not() -> None:
    assert why_not_loadable(ORIGIN, image((26, 9))) == (
        "The engine was built with TensorRT 11.2.1.2 of release 26.07, and triton:x has the "
        "TensorRT of release 26.09, which could not load it. Set spec.serving.triton.version to "
        "'26.07', or the chart's optimizer.tensorrtImage to one made from release 26.09."
    )


def test_an_engine_of_unknown_release_is_not_trusted() -> None:
    unknown = ORIGIN.model_copy(update={"triton_release": None})
    assert why_not_loadable(unknown, image((25, 1))) == (
        "The engine was built with TensorRT 11.2.1.2 of an unknown release of NVIDIA's "
        "containers, so it is not known whether triton:x can load it; build the optimizer's "
        "TensorRT image from release 25.01."
    )


def test_an_image_of_unknown_release_has_the_benefit_of_the_doubt() -> None:
    assert why_not_loadable(ORIGIN, image(None)) is None


def test_the_manifest_gives_back_what_was_written() -> None:
    written = ORIGIN.model_dump(mode="json", by_alias=True)
    assert written["tritonRelease"] == "26.07"
    assert EngineOrigin.model_validate(written) == ORIGIN
