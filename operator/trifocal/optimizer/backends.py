"""The runtimes by name, each imported only where a spec asks for it: some weigh gigabytes."""

from collections.abc import Mapping

from trifocal.api.target import Runtime
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.runtimes.backend import Backend


def backends_for(request: OptimizationRequest) -> Mapping[Runtime, Backend]:
    """Every runtime that the request targets.

    Raises:
        ImportError: The image lacks a library.
    """
    return {target.runtime: _backend(target.runtime) for target in request.targets}


def _backend(runtime: Runtime) -> Backend:
    if runtime == "onnxruntime":
        from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime  # noqa: PLC0415 - as above

        return OnnxRuntime()
    if runtime == "litert":
        from trifocal.optimizer.runtimes.litert import LiteRT  # noqa: PLC0415 - as above

        return LiteRT()
    if runtime == "executorch":
        from trifocal.optimizer.runtimes.executorch import ExecuTorch  # noqa: PLC0415 - as above

        return ExecuTorch()
    from trifocal.optimizer.runtimes.tensorrt import TensorRT  # noqa: PLC0415 - as above

    return TensorRT()
