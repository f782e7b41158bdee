"""What a Triton image offers: its backend for a model, and what its release understands. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from trifocal.api.serving import Backend, TritonSpec
from trifocal.api.target import Runtime
from trifocal.settings import Settings

ServingBackend = Literal[Backend, "tensorrt"]
"""What Triton loads a model with. Every image of NVIDIA's has the tensorrt backend."""

Release = tuple[int, int]
"""Year and month of NVIDIA's container release: (26, 7) is 26.07."""

FIRST_RESPONSE_HISTOGRAM_RELEASE: Release = (26, 1)
"""First release whose `nv_inference_first_response_histogram_ms` covers models that answer once
(triton-inference-server/core#464); before it the family is absent for them, without a word."""

CLIENT_SHARED_MEMORY_FLAG_RELEASE: Release = (26, 5)
"""First release (core 2.69) that knows `--allow-client-shm`; earlier ones refuse to start."""

RESPONSE_POOL_FLAG_RELEASE: Release = (26, 1)
"""`--grpc-max-response-pool-size` came during 2025 (server#7879); from here on it is sure."""

_PUBLISHED = re.compile(r"(?:^|/)tritonserver:(?P<year>[0-9]{2})\.(?P<month>[0-9]{2})-py3(?:@|$)")
"""NVIDIA's own name and tag, wherever it is mirrored. Any other image is of unknown release."""


@dataclass(frozen=True, kw_only=True)
class TritonImage:
    """An image that serves a model through one of Triton's backends."""

    reference: str
    release: Release | None
    """None when the image's name does not tell; then only what every release knows is used."""
    backend: ServingBackend

    @property
    def has_latency_histogram(self) -> bool:
        """Whether /metrics can hold a latency histogram for ordinary models."""
        return self._is_at_least(FIRST_RESPONSE_HISTOGRAM_RELEASE)

    @property
    def has_client_shared_memory_flag(self) -> bool:
        """Whether the server understands `--allow-client-shm`."""
        return self._is_at_least(CLIENT_SHARED_MEMORY_FLAG_RELEASE)

    @property
    def has_response_pool_flag(self) -> bool:
        """Whether the server understands `--grpc-max-response-pool-size`."""
        return self._is_at_least(RESPONSE_POOL_FLAG_RELEASE)

    def _is_at_least(self, release: Release) -> bool:
        return self.release is not None and self.release >= release


def resolve_image(
    triton: TritonSpec | None, settings: Settings, runtime: Runtime = "onnxruntime"
) -> TritonImage:
    """The image that an object asks for; without a word of its own, the operator's default.

    An engine is loaded by the tensorrt backend, whatever the image runs ONNX with.
    """
    image = _for_onnx(triton, settings)
    return replace(image, backend="tensorrt") if runtime == "tensorrt" else image


def _for_onnx(triton: TritonSpec | None, settings: Settings) -> TritonImage:
    if triton is not None and triton.image is not None:
        return _own(triton.image, triton.backend or "onnxruntime")
    if triton is not None and triton.version is not None:
        return _published(triton.version, settings)
    if settings.triton_image is not None:
        return _own(settings.triton_image, _backend(settings.triton_backend))
    return _published(settings.triton_version, settings)


def _own(reference: str, backend: Backend) -> TritonImage:
    match = _PUBLISHED.search(reference)
    release = (int(match["year"]), int(match["month"])) if match else None
    return TritonImage(reference=reference, release=release, backend=backend)


def _published(version: str, settings: Settings) -> TritonImage:
    year, _, month = version.partition(".")
    return TritonImage(
        reference=f"{settings.triton_repository}:{version}-py3",
        release=(int(year), int(month)),
        backend="onnxruntime",
    )


def _backend(name: str) -> Backend:
    for backend in get_args(Backend):
        if backend == name:
            return cast("Backend", backend)
    raise ValueError(
        f"TRIFOCAL_TRITON_BACKEND is {name!r}; it must be onnxruntime, or python for an image "
        "without the onnxruntime backend."
    )
