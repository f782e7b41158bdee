"""The runtimes by name, each imported only where a spec asks for it: some weigh gigabytes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from trifocal.api.condition import Reason
from trifocal.api.target import Runtime
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.runtimes.backend import Backend
from trifocal.optimizer.training import Lesson

Backends = Mapping[Runtime, Backend]
Open = Callable[[OptimizationRequest, Lesson | None, Path], Backends]
"""Takes the request, what int8-qat trains on, and a folder that is theirs to keep things in."""


def backends_for(request: OptimizationRequest, lesson: Lesson | None, folder: Path) -> Backends:
    """Every runtime that the request targets.

    Raises:
        RefusedError: OptimizationFailed: this image lacks a library.
    """
    return {target.runtime: _whole(target.runtime, lesson, folder) for target in request.targets}


def _whole(runtime: Runtime, lesson: Lesson | None, folder: Path) -> Backend:
    """A backend that can tell the versions of all its parts, which shows that they are there."""
    try:
        backend = _backend(runtime, lesson, folder)
        backend.version()
    except ImportError as error:
        raise RefusedError(
            Reason.OPTIMIZATION_FAILED,
            f"The optimizer image lacks what target {runtime} needs ({error}); let "
            f"optimizer.{'tensorrtImage' if runtime == 'tensorrt' else 'extendedImage'} in the "
            f"chart name an image that has it, or remove the target.",
        ) from error
    return backend


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
