"""The part of TensorRT's Python API that is used, as Protocols: what may be injected.

`tensorrt` 10.13 and later, `tensorrt` 11 and `tensorrt_rtx_bindings` all offer it. The names of
the Protocols are those of the classes there: hack/tensorrt_api.py compares them member by member.
"""

# ruff: noqa: D102 - NVIDIA documents the methods

from collections.abc import Sequence
from typing import Any, Protocol

Shape = Sequence[int]


class ParserError(Protocol):
    """What the parser has against one node."""

    def desc(self) -> str: ...
    def node_name(self) -> str: ...
    def node_operator(self) -> str: ...


class INetworkDefinition(Protocol):
    """A parsed graph."""

    num_layers: int


class OnnxParser(Protocol):
    """Fills a network."""

    num_errors: int

    def parse(self, model: bytes) -> bool: ...
    def get_error(self, index: int) -> ParserError: ...


class IOptimizationProfile(Protocol):
    """The input shapes that an engine takes, and the one that it is fastest for."""

    def set_shape(self, input: str, min: Shape, opt: Shape, max: Shape) -> None: ...  # noqa: A002 - theirs


class ITimingCache(Protocol):
    """What the builder has measured of kernels."""

    def serialize(self) -> Any: ...


class IBuilderConfig(Protocol):
    """How to build."""

    builder_optimization_level: int
    progress_monitor: Any

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None: ...
    def get_memory_pool_limit(self, pool: Any) -> int: ...
    def add_optimization_profile(self, profile: IOptimizationProfile) -> int: ...
    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None: ...
    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool: ...
    def get_timing_cache(self) -> ITimingCache | None: ...


class Builder(Protocol):
    """Makes networks and engines."""

    def create_network(self, flags: int) -> INetworkDefinition: ...
    def create_builder_config(self) -> IBuilderConfig: ...
    def create_optimization_profile(self) -> IOptimizationProfile: ...
    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> Any: ...


class IExecutionContext(Protocol):
    """Runs an engine; one batch at a time."""

    def set_input_shape(self, name: str, shape: Shape) -> bool: ...
    def get_tensor_shape(self, name: str) -> Shape: ...
    def set_tensor_address(self, name: str, memory: int) -> bool: ...
    def execute_async_v3(self, stream_handle: int) -> bool: ...


class ICudaEngine(Protocol):
    """A loaded engine."""

    num_io_tensors: int

    def get_tensor_name(self, index: int) -> str: ...
    def get_tensor_mode(self, name: str) -> Any: ...
    def get_tensor_dtype(self, name: str) -> Any: ...
    def get_tensor_shape(self, name: str) -> Shape: ...
    def get_tensor_profile_shape(self, name: str, profile_index: int) -> Sequence[Shape]: ...
    def create_execution_context(self) -> IExecutionContext | None: ...


class Runtime(Protocol):
    """Loads engines."""

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None: ...


class Module(Protocol):
    """The package itself."""

    __name__: str
    __version__: str
    ILogger: Any
    IProgressMonitor: Any
    MemoryPoolType: Any
    NetworkDefinitionCreationFlag: Any
    TensorIOMode: Any

    def Builder(self, logger: Any) -> Builder: ...  # noqa: N802 - theirs
    def OnnxParser(self, network: INetworkDefinition, logger: Any) -> OnnxParser: ...  # noqa: N802 - theirs
    def Runtime(self, logger: Any) -> Runtime: ...  # noqa: N802 - theirs
    def nptype(self, trt_type: Any) -> Any: ...
