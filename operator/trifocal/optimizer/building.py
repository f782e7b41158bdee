"""Step `candidates`: builds each variant; one that cannot be built stops no other."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifocal.api.optimization import Precision, Quantization
from trifocal.artifacts.failure import WorkError
from trifocal.optimizer.candidates import fp16, fp32, int8
from trifocal.optimizer.importing import MAX_MODEL_BYTES, ImportedModel

Read = Callable[[Path], NDArray[np.float32]]
Advance = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Images for quantization, and how they become tensors."""

    images: Sequence[Path]
    read: Read


@dataclass(frozen=True, kw_only=True)
class Built:
    """What could be built, and why the rest could not."""

    paths: Mapping[str, Path]
    failures: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What every candidate is built from."""

    source: ImportedModel
    calibration: Calibration | None
    quantization: Quantization
    folder: Path


def build_candidates(bench: Workbench, precisions: Sequence[Precision], advance: Advance) -> Built:
    """Build each precision's file.

    Raises:
        WorkError: A calibration image is unreadable.
        MemoryError: Not enough memory.
        OSError: The scratch disk is full.
    """
    paths: dict[str, Path] = {}
    failures: dict[str, str] = {}
    for position, precision in enumerate(precisions):
        target = bench.folder / f"{precision}.onnx"

        def report(share: float, detail: str, start: int = position) -> None:
            advance((start + share) / len(precisions), detail)

        report(0.0, precision)
        failure = _attempt(partial(_build, bench, precision, target, report))
        if failure is None and target.stat().st_size > MAX_MODEL_BYTES:
            failure = "its file is larger than 2 GiB"
        if failure is None:
            paths[precision] = target
        else:
            failures[precision] = failure
    return Built(paths=paths, failures=failures)


def _attempt(build: Callable[[], None]) -> str | None:
    """Why it failed, in one line; None when it did not."""
    try:
        build()
    except (WorkError, MemoryError):
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        return f"it could not be built: {error}"
    except Exception as error:  # noqa: BLE001 - converters raise whatever they met in the graph
        line = (str(error).strip().splitlines() or [""])[0]
        return f"it could not be built: {type(error).__name__} {line[:300]}".rstrip()
    return None


def _build(
    bench: Workbench, precision: Precision, target: Path, report: Callable[[float, str], None]
) -> None:
    if precision == "fp32":
        fp32.build(bench.source.path, target)
    elif precision == "fp16":
        fp16.build(bench.source.path, target)
    else:
        _build_int8(bench, target, report)


def _build_int8(bench: Workbench, target: Path, report: Callable[[float, str], None]) -> None:
    calibration = bench.calibration
    if calibration is None:
        raise ValueError("spec.optimization.datasets.calibration is not set, and int8 needs it")
    total = len(calibration.images)

    def progress(done: int) -> None:
        report(done / total, f"int8, calibrating image {done + 1} of {total}")

    images = int8.CalibrationImages(
        calibration.images, calibration.read, bench.source.input, progress
    )
    int8.build(bench.source.path, target, images, bench.quantization)
