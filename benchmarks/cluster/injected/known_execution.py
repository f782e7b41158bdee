"""Makes an execution of ONNX Runtime take a known time, by waiting.

Mounted into the pods of the benchmark, whose Python imports it at its start. An execution then
costs next to no CPU, so that two cores carry as many replicas as a cluster, and each of them has
a capacity that is known beforehand: one over this time.
"""  # noqa: INP001 - no package: it is alone in the pods

import functools
import importlib.abc
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

SECONDS = float(os.environ["BENCHMARK_EXECUTION_SECONDS"])
MODULE = "onnxruntime.capi.onnxruntime_inference_collection"
"""Where the class of all sessions is defined."""


def lasting(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same answers, at the earliest SECONDS after they were asked for."""

    @functools.wraps(run)
    def run_and_wait(*arguments: Any, **options: Any) -> Any:
        until = time.perf_counter() + SECONDS
        answers = run(*arguments, **options)
        time.sleep(max(until - time.perf_counter(), 0.0))
        return answers

    return run_and_wait


class Finder(importlib.abc.MetaPathFinder):
    """Finds that one module as Python does, and changes it once it is executed."""

    def find_spec(  # type: ignore[explicit-override]  # Python 3.11 has no such decorator
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing but that module, and that once."""
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_change(module: Any) -> None:
                execute(module)
                module.Session.run = lasting(module.Session.run)

            spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Finder())
