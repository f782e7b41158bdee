"""A TensorRT that builds nothing: it does what a script says, and remembers what it was told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np

from trifocal.optimizer.runtimes.tensorrt.api import ICudaEngine

GIB = 1 << 30
WHOLE_GPU = 16 * GIB
"""Workspace where none is set."""


class Severity(Enum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3


class Base:
    """Of the classes that callers derive from."""


class TensorIOMode(Enum):
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(Enum):
    WORKSPACE = 0


class NetworkDefinitionCreationFlag(Enum):
    STRONGLY_TYPED = 1

    def __int__(self) -> int:
        return int(self.value)


class Complaint:
    """A parser's error."""

    def __init__(self, desc: str, node: str, operator: str) -> None:
        self._texts = (desc, node, operator)

    def desc(self) -> str:
        return self._texts[0]

    def node_name(self) -> str:
        return self._texts[1]

    def node_operator(self) -> str:
        return self._texts[2]


class Cache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content


@dataclass
class Profile:
    shapes: dict[str, tuple[Sequence[int], ...]] = field(default_factory=dict)

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: A002 - theirs
        self.shapes[input] = (min, opt, max)


class Config:
    """Remembers what it was told."""

    def __init__(self, fits: Callable[[bytes], bool]) -> None:
        self.builder_optimization_level = -1
        self.progress_monitor: Any = None
        self.workspace = WHOLE_GPU
        self.profiles: list[Profile] = []
        self.cache: Cache | None = None
        self._fits = fits

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        assert pool is MemoryPoolType.WORKSPACE
        self.workspace = pool_size

    def get_memory_pool_limit(self, _pool: Any) -> int:
        return self.workspace

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Cache | None:
        """None for what is no cache."""
        return None if serialized_timing_cache == b"broken" else Cache(serialized_timing_cache)

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if not self._fits(cache.content):
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> Cache | None:
        return self.cache


Step = Callable[["FakeTensorRT", Config, Any], bytes | None]
"""What a build does: with the module, the configuration and the logger."""


class FakeTensorRT:
    """The module. Each build takes the next step of the script."""

    __name__ = "tensorrt"
    __version__ = "11.2.1.2"
    ILogger = Base
    IProgressMonitor = Base
    MemoryPoolType = MemoryPoolType
    NetworkDefinitionCreationFlag = NetworkDefinitionCreationFlag
    TensorIOMode = TensorIOMode

    def __init__(
        self,
        *steps: Step,
        complaints: Sequence[Complaint] = (),
        fits: Callable[[bytes], bool] = lambda _content: True,
        starts: bool = True,
        engine: ICudaEngine | None = None,
    ) -> None:
        self._steps = list(steps)
        self._complaints = complaints
        self._fits = fits
        self._starts = starts
        self._engine = engine
        self.configs: list[Config] = []
        self.flags: list[int] = []
        self.loaded: list[bytes] = []

    def Builder(self, logger: Any) -> Any:  # noqa: N802 - theirs
        if not self._starts:
            self._say_no_driver(logger)
            raise TypeError("pybind11::init(): factory function returned nullptr")
        return SimpleNamespace(
            create_network=self._network,
            create_builder_config=self._config,
            create_optimization_profile=Profile,
            build_serialized_network=lambda _network, config: self._steps.pop(0)(
                self, config, logger
            ),
        )

    def OnnxParser(self, network: Any, logger: Any) -> Any:  # noqa: N802, ARG002 - theirs
        return SimpleNamespace(
            parse=lambda _model: not self._complaints,
            num_errors=len(self._complaints),
            get_error=lambda index: self._complaints[index],
        )

    def Runtime(self, logger: Any) -> Any:  # noqa: N802 - theirs
        if not self._starts:
            self._say_no_driver(logger)
        return SimpleNamespace(deserialize_cuda_engine=self._load)

    def nptype(self, trt_type: Any) -> Any:
        return np.dtype(trt_type)

    def _load(self, plan: bytes) -> ICudaEngine | None:
        self.loaded.append(plan)
        return self._engine

    def _network(self, flags: int) -> Any:
        self.flags.append(flags)
        return SimpleNamespace(num_layers=7)

    def _config(self) -> Config:
        self.configs.append(Config(self._fits))
        return self.configs[-1]

    @staticmethod
    def _say_no_driver(logger: Any) -> None:
        logger.log(Severity.ERROR, "CUDA initialization failure with error: 35")


def succeeds(plan: bytes = b"plan") -> Step:
    return lambda _trt, _config, _logger: plan


def fails(*errors: str) -> Step:
    """Nothing is returned, and this is logged."""

    def step(_trt: FakeTensorRT, _config: Config, logger: Any) -> None:
        for text in errors:
            logger.log(Severity.ERROR, text)

    return step
