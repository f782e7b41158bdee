"""Plain recipes: what each quantizer's own documentation tells a user to do, and nothing more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.optimization.integer_ends import IntegerEnds
from trifocal.api.target import Runtime
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import Runner


@dataclass(frozen=True, kw_only=True)
class PlainRecipe:
    """One recipe of one runtime."""

    runtime: Runtime
    name: str
    build: Callable[[ImportedModel, Calibration, Path], None]
    """Writes the file, or raises whatever the tool raises."""
    load: Callable[[Path, int], Runner] | None = None
    """Runs the file with so many threads, where Trifocal's own runner of its runtime cannot."""


def plain_recipes(runtime: Runtime) -> tuple[PlainRecipe, ...]:
    """Of one runtime."""
    return tuple(recipe for recipe in RECIPES if recipe.runtime == runtime)


def _onnx_static(model: ImportedModel, calibration: Calibration, target: Path) -> None:
    """`quantize_static` with its defaults, after the pre-processing that its guide asks for."""
    from onnxruntime import quantization  # noqa: PLC0415 - heavy
    from onnxruntime.quantization.shape_inference import (  # noqa: PLC0415 - heavy
        quant_pre_process,
    )

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(model.path, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(prepared, target, _Reader(model.input, calibration))


def _onnx_dynamic(model: ImportedModel, _calibration: Calibration, target: Path) -> None:
    from onnxruntime import quantization  # noqa: PLC0415 - heavy

    quantization.quantize_dynamic(model.path, target)


class _Reader:
    """onnxruntime's CalibrationDataReader."""

    def __init__(self, name: str, calibration: Calibration) -> None:
        self._name = name
        self._tensors: Iterator[NDArray[np.float32]] = calibration.tensors()

    def get_next(self) -> Mapping[str, NDArray[np.float32]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {self._name: tensor}


def _litert(model: ImportedModel, target: Path) -> None:
    import litert_torch  # noqa: PLC0415 - heavy
    import torch  # noqa: PLC0415 - heavy

    module, example = _module(model)
    litert_torch.convert(module, (torch.from_numpy(example),)).export(str(target))


def _litert_static(model: ImportedModel, calibration: Calibration, target: Path) -> None:
    """The quantizer's static 8 bit recipe."""
    from litert_quantizer import quantizer, recipe  # noqa: PLC0415 - heavy

    plain = target.with_suffix(".float.tflite")
    _litert(model, plain)
    tool = quantizer.Quantizer(str(plain), recipe.static_wi8_ai8())
    signature = next(iter(_signatures(plain)))
    data = {signature: [{_input_of(plain): tensor} for tensor in calibration.tensors()]}
    tool.quantize(tool.calibrate(data)).export_model(str(target), overwrite=True)


def _litert_dynamic(model: ImportedModel, _calibration: Calibration, target: Path) -> None:
    from litert_quantizer import quantizer, recipe  # noqa: PLC0415 - heavy

    plain = target.with_suffix(".float.tflite")
    _litert(model, plain)
    quantizer.Quantizer(str(plain), recipe.dynamic_wi8_afp32()).quantize().export_model(
        str(target), overwrite=True
    )


def _signatures(path: Path) -> Mapping[str, Any]:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

    found: Mapping[str, Any] = Interpreter(str(path)).get_signature_list()
    return found


def _input_of(path: Path) -> str:
    signature = next(iter(_signatures(path).values()))
    return str(signature["inputs"][0])


def _executorch_static(model: ImportedModel, calibration: Calibration, target: Path) -> None:
    """Torchao's PT2E with XNNPACK's quantizer, lowered as ExecuTorch's tutorial does."""
    import torch  # noqa: PLC0415 - heavy
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # noqa: PLC0415
        XnnpackPartitioner,
    )
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # noqa: PLC0415
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from executorch.exir import to_edge_transform_and_lower  # noqa: PLC0415 - heavy
    from torchao.quantization.pt2e.quantize_pt2e import (  # noqa: PLC0415 - heavy
        convert_pt2e,
        prepare_pt2e,
    )

    module, example = _module(model)
    inputs = (torch.from_numpy(example),)
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config())
    prepared = prepare_pt2e(torch.export.export(module, inputs).module(), quantizer)
    for tensor in calibration.tensors():
        prepared(torch.from_numpy(tensor).contiguous())
    program = torch.export.export(convert_pt2e(prepared), inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    target.write_bytes(lowered.to_executorch().buffer)


def _module(model: ImportedModel) -> tuple[Any, NDArray[np.float32]]:
    from trifocal.optimizer.torch_graph.from_onnx import to_torch  # noqa: PLC0415 - heavy

    example = np.random.default_rng(0).uniform(-1, 1, (1, *model.input_shape)).astype(np.float32)
    return to_torch(model.path, model.output, example), example


RECIPES = (
    PlainRecipe(runtime="onnxruntime", name="quantize_static", build=_onnx_static),
    PlainRecipe(runtime="onnxruntime", name="quantize_dynamic", build=_onnx_dynamic),
    PlainRecipe(runtime="litert", name="static_wi8_ai8", build=_litert_static, load=IntegerEnds),
    PlainRecipe(runtime="litert", name="dynamic_wi8_afp32", build=_litert_dynamic),
    PlainRecipe(runtime="executorch", name="pt2e_static", build=_executorch_static),
)
