"""ExecuTorch for phones and other devices: .pte programs that XNNPACK computes on the CPU."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from trifocal.api.techniques import CalibrationMethod, Precision
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import BuildError, Order, Product, Runner
from trifocal.optimizer.training import Lesson

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.fx import GraphModule

    from trifocal.optimizer.compression.qat_scheme import Ranges, Scheme

_RANGES: dict[CalibrationMethod, "Ranges"] = {"minmax": "minmax", "entropy": "histogram"}
_HISTOGRAM = (
    "Ranges are those of least squared error over a histogram, which torchao has in place of "
    "entropy."
)
_LISTED = 5
"""Names of operators in a sentence."""


@dataclass(frozen=True, kw_only=True)
class ExecuTorch:
    """ExecuTorch with XNNPACK.

    Programs take one image at a time, as devices do, or as many as the graph fixes; the runner
    passes larger batches on piece by piece.

    fp16 is computed in half precision, on x86 too; convolutions keep their weights in float32 in
    the file, and XNNPACK rounds them when it loads it, so that only other layers make it smaller.
    int8-dynamic rounds the linear layers alone.
    """

    lesson: Lesson | None = None
    """What int8-qat trains on; without it there is no int8-qat."""

    @property
    def precisions(self) -> frozenset[Precision]:
        """What it can execute here."""
        always: frozenset[Precision] = frozenset({"fp32", "fp16", "int8", "int8-dynamic"})
        return always | ({"int8-qat"} if self.lesson else set())

    @property
    def suffix(self) -> str:
        """Of its files."""
        return ".pte"

    def version(self) -> str:
        """Of the runtime and of what builds for it."""
        parts = [f"{name} {version(name)}" for name in ("executorch", "torch", "torchao")]
        return ", ".join(parts)

    def build(self, order: Order, target: Path) -> Product:
        """Write the candidate's program.

        Raises:
            BuildError: ExecuTorch cannot compute an operator, or there is nothing to quantize.
            WorkError: The calibration or training data are unreadable.
        """
        import torch  # noqa: PLC0415 - heavy

        from trifocal.optimizer.runtimes.executorch_lowering import (  # noqa: PLC0415 - heavy
            lower,
        )
        from trifocal.optimizer.torch_graph.elementary import elementary  # noqa: PLC0415 - heavy
        from trifocal.optimizer.torch_graph.from_onnx import to_torch  # noqa: PLC0415 - heavy

        order.report(0.0, "reading the graph")
        example = _example(order.model)
        module = elementary(to_torch(order.model.path, order.model.output, example))
        network, notes = self._in_precision(module, order)
        order.report(0.8, "compiling for XNNPACK")
        lowered = lower(network, torch.from_numpy(example))
        target.write_bytes(lowered.program)
        order.report(1.0, "compiled")
        left = f"XNNPACK does not compute {', '.join(lowered.left[:_LISTED])}" + (
            f" and {len(lowered.left) - _LISTED} more." if len(lowered.left) > _LISTED else "."
        )
        return Product(
            path=target,
            notes=(*notes, *((left,) if lowered.left else ())),
            facts={"delegatedShare": round(lowered.share, 4), "notDelegated": lowered.left},
        )

    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        """Load a program; `threads` sets the pool that all programs of this process share.

        Raises:
            ModelRunError: ExecuTorch refuses the file.
        """
        from trifocal.optimizer.runtimes.executorch_runner import (  # noqa: PLC0415 - heavy
            ExecuTorchRunner,
        )

        del model  # the program has one input and one output
        return ExecuTorchRunner(path, threads)

    def _in_precision(
        self, module: "nn.Module", order: Order
    ) -> tuple["nn.Module", tuple[str, ...]]:
        from trifocal.optimizer.compression.qat_scheme import Scheme  # noqa: PLC0415 - heavy

        recipe = order.recipe
        match recipe.precision:
            case "fp32":
                return module, ()
            case "fp16":
                return _halved(module), ()
            case "int8":
                method = recipe.calibration or "minmax"
                if method not in _RANGES:
                    raise BuildError(
                        f"ExecuTorch's quantizer does not calibrate by {method}; use "
                        f"{' or '.join(_RANGES)} for it."
                    )
                scheme = Scheme(ranges=_RANGES[method], per_channel=recipe.per_channel)
                notes = (_HISTOGRAM,) if method == "entropy" else ()
                return _calibrated(module, scheme, order), notes
            case "int8-dynamic":
                scheme = Scheme(ranges="dynamic", per_channel=recipe.per_channel)
                return _calibrated(module, scheme, order), ()
            case "int8-qat" if self.lesson is not None:
                from trifocal.optimizer.compression.qat import (  # noqa: PLC0415 - heavy
                    quantization_aware,
                )

                scheme = Scheme(ranges="trained", per_channel=recipe.per_channel)
                return quantization_aware(module, order.model, self.lesson, scheme, order.report)
            case other:
                raise BuildError(
                    f"ExecuTorch has no {other}; use one of {', '.join(sorted(self.precisions))}."
                )


def _example(model: ImportedModel) -> NDArray[np.float32]:
    shape = (model.fixed_batch or 1, *model.input_shape)
    return np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)


def _halved(module: "nn.Module") -> "nn.Module":
    import torch  # noqa: PLC0415 - heavy

    class _Half(torch.nn.Module):
        """Float32 outside, float16 inside."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module.half()

        @override
        def forward(self, images: "Tensor") -> "Tensor":
            answer: Tensor = self.inner(images.half())
            return answer.float()

    return _Half().eval()


def _calibrated(module: "nn.Module", scheme: "Scheme", order: Order) -> "GraphModule":
    """The network with rounded weights, and ranges from the calibration images.

    Raises:
        BuildError: No operator can be rounded, or there are no calibration images.
    """
    import torch  # noqa: PLC0415 - heavy

    from trifocal.optimizer.compression.qat_graph import (  # noqa: PLC0415 - heavy
        captured,
        converted,
        prepared,
    )

    example = _example(order.model)
    graph = prepared(captured(module, torch.from_numpy(example), any_batch=False), scheme)
    order.report(0.3, "calibrating")
    with torch.no_grad():
        for images in [example] if scheme.ranges == "dynamic" else _images(order):
            graph(torch.from_numpy(images))
    return converted(graph)


def _images(order: Order) -> Iterator[NDArray[np.float32]]:
    """Calibration images in batches of the program's size."""
    if order.calibration is None or not order.calibration.images:
        raise BuildError(
            "int8 needs images to calibrate with; name an archive of them in "
            "spec.optimization.datasets.calibration."
        )
    for image in order.calibration.tensors():
        yield np.ascontiguousarray(np.repeat(image, order.model.fixed_batch or 1, axis=0))
