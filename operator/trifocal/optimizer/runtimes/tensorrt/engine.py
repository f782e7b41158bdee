"""Builds a serialized engine from a typed ONNX model; tries once more where memory ran out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.runtimes.tensorrt.api import Builder, IBuilderConfig, Module
from trifocal.optimizer.runtimes.tensorrt.failure import (
    quoted,
    ran_out_of_memory,
    why_no_engine,
    why_no_gpu,
)
from trifocal.optimizer.runtimes.tensorrt.messages import Messages, heard
from trifocal.optimizer.runtimes.tensorrt.parsing import parse
from trifocal.optimizer.runtimes.tensorrt.progress import Watch, monitor
from trifocal.optimizer.runtimes.tensorrt.timing_cache import TimingCache

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How engines are built."""

    optimization_level: int = 3
    """0 takes the first kernel that works, 5 compares the most; 3 is TensorRT's own default."""
    workspace_bytes: int | None = None
    """Scratch memory that a kernel may use at most; None means all of the GPU's memory."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Shapes of the one input, batch first; for a fixed batch all three are alike."""

    smallest: Shape
    best: Shape
    """What the engine is tuned for."""
    largest: Shape


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A serialized engine."""

    plan: bytes
    layers: int
    """Of the network before it was optimized."""
    workspace_bytes: int
    messages: Messages


def batch_profile(shape: Shape, max_batch: int, fixed_batch: int | None) -> Profile:
    """Any batch up to the largest, tuned for the largest.

    Full batches are what a loaded server executes, and only there time is short: a lone request
    meets an idle GPU. `shape` is without the batch.
    """
    smallest, largest = fixed_batch or 1, fixed_batch or max_batch
    return Profile(smallest=(smallest, *shape), best=(largest, *shape), largest=(largest, *shape))


class EngineBuilder:
    """Builds engines with one installed TensorRT."""

    def __init__(self, trt: Module, cache: TimingCache, settings: Settings) -> None:
        self._trt = trt
        self._cache = cache
        self._settings = settings

    def build(
        self, model: bytes, input_name: str, profile: Profile, report: Callable[[float, str], None]
    ) -> Engine:
        """Build.

        Raises:
            BuildError: It cannot be built.
            BaseException: Whatever `report` raises ends the build.
        """
        workspaces: list[int] = []
        limit = self._settings.workspace_bytes
        while True:
            attempt = _Attempt(self._trt, self._settings.optimization_level, self._cache, limit)
            plan = attempt.run(model, input_name, profile, report)
            workspaces.append(attempt.workspace_bytes)
            if plan is not None:
                return Engine(
                    plan=plan,
                    layers=attempt.layers,
                    workspace_bytes=attempt.workspace_bytes,
                    messages=attempt.messages,
                )
            if len(workspaces) > 1 or not ran_out_of_memory(attempt.messages):
                raise BuildError(why_no_engine(attempt.messages, workspaces))
            limit = attempt.workspace_bytes // 2


class _Attempt:
    """One try with one workspace, from scratch: what has failed may still hold memory."""

    def __init__(
        self, trt: Module, level: int, cache: TimingCache, workspace_bytes: int | None
    ) -> None:
        self._trt = trt
        self._level = level
        self._cache = cache
        self._limit = workspace_bytes
        self.messages = Messages()
        self.layers = 0
        self.workspace_bytes = 0

    def run(
        self, model: bytes, input_name: str, profile: Profile, report: Callable[[float, str], None]
    ) -> bytes | None:
        with heard(self._trt, self.messages) as listener:
            builder = self._builder(listener)
            network = parse(self._trt, builder, model, listener, self.messages)
            self.layers = network.num_layers
            config = self._config(builder, input_name, profile)
            watch = Watch(report)
            listening = monitor(self._trt, watch)  # TensorRT is not relied on to keep it alive
            config.progress_monitor = listening
            plan = builder.build_serialized_network(network, config)
        if watch.raised is not None:
            raise watch.raised
        if plan is None:
            return None
        self._cache.keep(config)
        return bytes(plan)

    def _builder(self, listener: Any) -> Builder:
        """Raises BuildError where the library does not start."""
        try:
            return self._trt.Builder(listener)
        except TypeError as error:  # how pybind says that the library gave it nothing
            why = why_no_gpu(self.messages.errors)
            raise BuildError(
                why or f"TensorRT does not start, and says: {quoted(self.messages.errors)}"
            ) from error

    def _config(self, builder: Builder, input_name: str, profile: Profile) -> IBuilderConfig:
        config = builder.create_builder_config()
        config.builder_optimization_level = self._level
        workspace = self._trt.MemoryPoolType.WORKSPACE
        if self._limit is not None:
            config.set_memory_pool_limit(workspace, self._limit)
        self.workspace_bytes = config.get_memory_pool_limit(workspace)
        shapes = builder.create_optimization_profile()
        shapes.set_shape(input_name, profile.smallest, profile.best, profile.largest)
        config.add_optimization_profile(shapes)
        self._cache.give(config)
        return config
