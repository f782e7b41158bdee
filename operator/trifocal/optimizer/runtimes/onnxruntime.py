"""ONNX Runtime on CPU, which Triton serves: builds every precision that it executes."""

import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trifocal.api.techniques import Precision
from trifocal.optimizer.importing import ImportedModel, load_model
from trifocal.optimizer.quantization.dynamic import quantize_dynamic
from trifocal.optimizer.quantization.effect import facts_of, no_effect
from trifocal.optimizer.quantization.float16 import float16
from trifocal.optimizer.quantization.isa import needs_reduced_range_here
from trifocal.optimizer.quantization.prepared import SIXTEEN_BIT_OPSET, prepare
from trifocal.optimizer.quantization.ranges import Examples, measure_ranges
from trifocal.optimizer.quantization.static import Scheme, quantize
from trifocal.optimizer.quantization.weights import codebook_weights, linear_weights
from trifocal.optimizer.runtimes.backend import (
    BuildError,
    ModelRunError,
    Order,
    Product,
    Runner,
)
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner, save_optimized

PROBES = 4
"""Images on which a build must answer like a model: finite, and not bit for bit as before."""
_SEVEN_BITS = (
    "weights use 7 of 8 bits, because this CPU has no VNNI and sums of products would overflow."
)
_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})

Build = Callable[[Order, Path], Product]


class OnnxRuntime:
    """Backend of the target onnxruntime."""

    suffix: Final = ".onnx"
    precisions: Final = frozenset[Precision](
        {
            "fp32",
            "fp16",
            "int8",
            "int8-qat",
            "int8-dynamic",
            "int8-weights",
            "int16",
            "codebook8",
        }
    )

    def build(self, order: Order, target: Path) -> Product:
        """Write the candidate, and prove on a few images that it is one.

        Raises:
            BuildError: It cannot be built, does nothing, or does not answer with numbers.
            WorkError: The calibration data are unreadable.
        """
        precision = order.recipe.precision
        if precision not in {"fp32", "fp16"}:
            _check_not_quantized(order.model.path)
        product = _BUILDS[precision](order, target)
        if precision != "fp32":
            _check_effect(order, product.path)
        return product

    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        """A session with that many threads.

        Raises:
            ModelRunError: ONNX Runtime refuses the file.
        """
        return OnnxRunner(path, model.output, threads)

    def version(self) -> str:
        """Such as onnxruntime 1.32.0."""
        return f"onnxruntime {version('onnxruntime')}"


def _fp32(order: Order, target: Path) -> Product:
    try:
        save_optimized(order.model.path, target)
    except ModelRunError as error:
        raise BuildError(f"ONNX Runtime cannot load the model ({error})") from error
    return Product(path=target)


def _fp16(order: Order, target: Path) -> Product:
    return Product(path=target, notes=float16(order.model.path, target))


def _int8(order: Order, target: Path) -> Product:
    """U8S8: ONNX Runtime's recommendation for x86; S8S8 is three times slower there."""
    reduced = needs_reduced_range_here()
    scheme = Scheme(
        activations="uint8",
        per_channel=order.recipe.per_channel,
        reduce_range=reduced,
        exclude=order.recipe.keep_float,
    )
    return _static(order, target, scheme, (_SEVEN_BITS,) if reduced else ())


def _int16(order: Order, target: Path) -> Product:
    """Activations in 16 bits, weights in 8. ONNX Runtime executes it as float between Q and DQ."""
    scheme = Scheme(
        activations="uint16",
        per_channel=order.recipe.per_channel,
        exclude=order.recipe.keep_float,
    )
    return _static(order, target, scheme, (), opset=SIXTEEN_BIT_OPSET)


def _static(
    order: Order, target: Path, scheme: Scheme, notes: tuple[str, ...], **prepared: Any
) -> Product:
    calibration = order.calibration
    if calibration is None:
        raise BuildError(
            f"{order.recipe.precision} is calibrated, and "
            "spec.optimization.datasets.calibration is unset"
        )
    ready, ranges = order.folder / "prepared.onnx", order.folder / "ranges.json"
    order.report(0.0, "preparing")
    prepare(order.model.path, ready, order.model.input_shape, **prepared)
    count = len(calibration.images)
    examples = Examples(
        calibration=calibration,
        input_name=order.model.input,
        progress=lambda done: order.report(
            0.1 + 0.7 * done / count, f"calibrating, image {done + 1} of {count}"
        ),
    )
    measure_ranges(ready, examples, order.recipe.calibration or "minmax", ranges)
    order.report(0.9, "quantizing")
    quantize(ready, ranges, target, scheme)
    if scheme.exclude:
        notes = (*notes, f"layers that stay in float: {', '.join(scheme.exclude)}.")
    return Product(path=target, notes=notes)


def _dynamic(order: Order, target: Path) -> Product:
    ready = _ready(order)
    reduced = needs_reduced_range_here()
    count = quantize_dynamic(
        ready, target, per_channel=order.recipe.per_channel, reduce_range=reduced
    )
    notes = (_SEVEN_BITS,) if reduced else ()
    return Product(path=target, notes=notes, facts={"quantizedOperators": count})


def _weights(order: Order, target: Path) -> Product:
    return Product(path=target, facts={"quantizedWeights": linear_weights(_ready(order), target)})


def _codebook(order: Order, target: Path) -> Product:
    return Product(path=target, facts={"quantizedWeights": codebook_weights(_ready(order), target)})


def _qat(order: Order, target: Path) -> Product:
    if order.lesson is None:
        raise BuildError("int8-qat is trained, and spec.optimization.datasets.training is unset")
    from trifocal.optimizer.compression.qat import qat_onnx  # noqa: PLC0415 - heavy

    product = qat_onnx(
        order.model,
        order.lesson,
        order.folder,
        order.report,
        per_channel=order.recipe.per_channel,
        weight_bits=7 if needs_reduced_range_here() else 8,
    )
    shutil.move(product.path, target)
    return Product(path=target, notes=product.notes, facts=product.facts)


_BUILDS: Mapping[Precision, Build] = {
    "fp32": _fp32,
    "fp16": _fp16,
    "int8": _int8,
    "int8-qat": _qat,
    "int8-dynamic": _dynamic,
    "int8-weights": _weights,
    "int16": _int16,
    "codebook8": _codebook,
}


def _ready(order: Order) -> Path:
    ready = order.folder / "prepared.onnx"
    prepare(order.model.path, ready)
    return ready


def _check_not_quantized(source: Path) -> None:
    found = [node for node in load_model(source).graph.node if node.op_type in _QUANTIZING]
    if found:
        raise BuildError(
            f"the source is quantized already ({len(found)} nodes, such as "
            f"'{found[0].name or found[0].output[0]}'); give the float model it was made from"
        )


def _check_effect(order: Order, path: Path) -> None:
    """Compare operators, types, bytes and answers with the source's."""
    images = _probes(order)
    try:
        before = OnnxRunner(order.model.path, order.model.output, threads=1)
        after = OnnxRunner(path, order.model.output, threads=1)
        pairs = [(before.run(image), after.run(image)) for image in images]
    except ModelRunError as error:
        raise BuildError(f"ONNX Runtime cannot run what was built ({error})") from error
    if any(np.isfinite(a).all() and not np.isfinite(b).all() for a, b in pairs):
        raise BuildError(
            "it answers with values that are not finite where the source does not: some numbers "
            "are too large for this precision; leave it out"
        )
    why = no_effect(
        order.recipe.precision,
        facts_of(order.model.path),
        facts_of(path),
        same_answers=all(np.array_equal(a, b) for a, b in pairs),
    )
    if why is not None:
        raise BuildError(f"{why}; leave {order.recipe.precision} out of precisions")


def _probes(order: Order) -> list[NDArray[np.float32]]:
    """Calibration images where there are some, else noise."""
    if order.calibration is not None:
        read = order.calibration.read
        return [read(path)[None] for path in order.calibration.images[:PROBES]]
    rng = np.random.default_rng(0)
    shape = (order.model.fixed_batch or 1, *order.model.input_shape)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(PROBES)]
