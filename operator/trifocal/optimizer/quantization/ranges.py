"""The ranges of a graph's activations on calibration images."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.techniques import CalibrationMethod
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.quantization.entropy import threshold
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.runtimes.backend import BuildError

STRIDE = 8
"""Images whose activations are held at once: the calibrators keep every activation of what they
are fed, which for a detector is 100 MB for each image."""
ENTROPY_BINS = 1024
"""Of a histogram at first; it grows with the values. TensorRT takes 2048 for one sign."""
PERCENTILE_BINS = 2048

Progress = Callable[[int], None]
"""Called with the number of images that have been read."""


class _Feed:
    """Gives a calibrator images one by one (ONNX Runtime's CalibrationDataReader)."""

    def __init__(self, tensors: Iterator[NDArray[np.float32]], input_name: str) -> None:
        self._tensors = tensors
        self._input = input_name

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {self._input: tensor}


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The images that show what activations are like."""

    calibration: Calibration
    input_name: str
    progress: Progress = lambda _count: None


def measure_ranges(
    model: Path,
    examples: Examples,
    method: CalibrationMethod,
    target: Path,
    operators: Collection[str] = (),
) -> None:
    """Write the ranges as the calibration cache that `quantize_static` reads.

    `operators`: only what these take and give; default: all that ONNX Runtime quantizes.
    A graph that has seen these images before is not run again: how its ranges are rounded to
    integers, and which of its layers, differs between recipes, and the ranges do not.

    Raises:
        BuildError: The images or the activations are no basis for ranges.
    """
    known = examples.calibration.ranges
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    asked = " ".join((digest, method, *sorted(operators)))
    if asked in known:
        target.write_bytes(known[asked])
        return
    _measure(model, examples, method, target, operators)
    known[asked] = target.read_bytes()


def _measure(
    model: Path,
    examples: Examples,
    method: CalibrationMethod,
    target: Path,
    operators: Collection[str],
) -> None:
    from onnxruntime.quantization.calibrate import (  # noqa: PLC0415 - heavy
        save_tensors_data,
    )

    calibration = examples.calibration
    if not calibration.images:
        raise BuildError("there are no calibration images; give at least 8")
    seen: list[tuple[float, float]] = []
    augmented = target.with_suffix(".augmented.onnx")
    images = _checked(calibration.tensors(), seen)
    try:
        with quiet():
            calibrator = _calibrator(model, method, operators, augmented)
        for start in range(0, len(calibration.images), STRIDE):
            examples.progress(start)
            with quiet():
                calibrator.collect_data(_Feed(islice(images, STRIDE), examples.input_name))
        _check_images(seen)
        with quiet():
            ranges = _computed(calibrator, method)
    except ValueError as error:  # a histogram's, of infinities
        raise _not_finite(str(error)) from error
    for name, data in ranges.items():
        if not all(np.isfinite(limit).all() for limit in data.range_value):
            raise _not_finite(f"tensor '{name}'")
    save_tensors_data(ranges, target)
    augmented.unlink()


def _calibrator(
    model: Path, method: CalibrationMethod, operators: Collection[str], augmented: Path
) -> Any:
    from onnxruntime.quantization.calibrate import (  # noqa: PLC0415 - heavy
        CalibrationMethod as Method,
    )
    from onnxruntime.quantization.calibrate import (  # noqa: PLC0415 - heavy
        create_calibrator,
    )
    from onnxruntime.quantization.registry import (  # noqa: PLC0415 - heavy
        QDQRegistry,
        QLinearOpsRegistry,
    )

    methods: dict[CalibrationMethod, tuple[Any, dict[str, Any]]] = {
        "minmax": (Method.MinMax, {}),
        "entropy": (Method.Entropy, {"num_bins": ENTROPY_BINS}),
        "percentile": (Method.Percentile, {"num_bins": PERCENTILE_BINS}),
    }
    chosen, options = methods[method]
    return create_calibrator(
        model,
        sorted(operators or {*QLinearOpsRegistry, *QDQRegistry}),
        augmented_model_path=str(augmented),
        calibrate_method=chosen,
        extra_options=options,
    )


def _computed(calibrator: Any, method: CalibrationMethod) -> Any:
    from onnxruntime.quantization import calibrate  # noqa: PLC0415 - heavy

    if method != "entropy":
        return calibrator.compute_data()
    found = {}
    for name, (counts, edges, lowest, highest, _) in calibrator.collector.histogram_dict.items():
        low, high = threshold(counts, edges)
        limits = max(np.float32(low), lowest), min(np.float32(high), highest)
        found[name] = (*(np.asarray(limit, np.float32) for limit in limits), counts, edges)
    return calibrate.TensorsData(calibrate.CalibrationMethod.Entropy, found)


def _checked(
    tensors: Iterator[NDArray[np.float32]], seen: list[tuple[float, float]]
) -> Iterator[NDArray[np.float32]]:
    for position, tensor in enumerate(tensors):
        if not np.isfinite(tensor).all():
            raise BuildError(
                f"calibration image {position + 1} holds values that are not finite after "
                "preprocessing; check spec.model.preprocessing.scale and std"
            )
        seen.append((float(tensor.min()), float(tensor.max())))
        yield tensor


def _check_images(seen: list[tuple[float, float]]) -> None:
    if all(low == high for low, high in seen):
        raise BuildError(
            f"each of the {len(seen)} calibration images is one flat value (the first "
            f"{seen[0][0]:g}), which tells nothing about activations; give images like those "
            "that will be served"
        )


def _not_finite(what: str) -> BuildError:
    return BuildError(
        f"activations are not finite on calibration images ({what}); check that "
        "spec.model.preprocessing is what the model was trained with"
    )
