"""The runtimes by name, each imported only where a spec asks for it: some weigh gigabytes."""

from collections.abc import Mapping
from pathlib import Path

from trifocal.api.target import Runtime
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.runtimes.backend import Backend
from trifocal.optimizer.training import Lesson


def backends_for(
    request: OptimizationRequest, lesson: Lesson | None, folder: Path
) -> Mapping[Runtime, Backend]:
    """Every runtime that the request targets; `folder` is theirs to keep things in.

    Raises:
        ImportError: The image lacks a library.
    """
    return {
        target.runtime: _backend(target.runtime, lesson, folder) for target in request.targets
    }


def _backend(runtime: Runtime, lesson: Lesson | None, folder: Path) -> Backend:
    if runtime == "onnxruntime":
        from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime  # noqa: PLC0415 - as above

        return OnnxRuntime()
    if runtime == "litert":
        from trifocal.optimizer.runtimes.litert import LiteRT  # noqa: PLC0415 - as above

        return LiteRT()
    if runtime == "executorch":
        from trifocal.optimizer.runtimes.executorch import ExecuTorch  # noqa: PLC0415 - as above

        return ExecuTorch(lesson=lesson)
    from trifocal.optimizer.runtimes.tensorrt.backend import installed  # noqa: PLC0415 - as above

    return installed(folder / "timing")
