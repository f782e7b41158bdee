"""Step `fetch`: the model and its data, checked and unpacked in the scratch folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trifocal.artifacts.archive import unpack
from trifocal.artifacts.download import download
from trifocal.artifacts.place import Place
from trifocal.optimizer.contract import OptimizationRequest, ResolvedLocation
from trifocal.optimizer.importing import MAX_MODEL_BYTES
from trifocal.optimizer.scratch import ensure_room

MAX_ARCHIVE_BYTES = 64 << 30
"""ImageNet's validation set ten times. The scratch volume's size ends smaller ones earlier."""

Advance = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What lies in the scratch folder."""

    model: Path
    evaluation: Path
    """Folder with the unpacked evaluation set."""
    calibration: Path | None


def place_of(location: ResolvedLocation) -> Place:
    """The location for the artifacts room."""
    folder = location.credentials_dir
    return Place(
        uri=location.uri,
        endpoint=location.endpoint,
        credentials_dir=Path(folder) if folder else None,
    )


def fetch_sources(request: OptimizationRequest, scratch: Path, advance: Advance) -> Fetched:
    """Download, verify and unpack.

    Raises:
        WorkError: Whatever is wrong with one of the files.
    """
    model = scratch / "source.onnx"
    advance(0.0, "model")
    download(place_of(request.source), model, digest=request.source.digest, limit=MAX_MODEL_BYTES)
    ensure_room(scratch, request.scratch_bytes)
    advance(0.3, "evaluation data")
    evaluation = _fetch_archive(request.evaluation, scratch / "evaluation")
    ensure_room(scratch, request.scratch_bytes)
    calibration = None
    if request.calibration is not None and "int8" in request.precisions:
        advance(0.7, "calibration data")
        calibration = _fetch_archive(request.calibration, scratch / "calibration")
        ensure_room(scratch, request.scratch_bytes)
    return Fetched(model=model, evaluation=evaluation, calibration=calibration)


def _fetch_archive(location: ResolvedLocation, folder: Path) -> Path:
    packed = folder.with_suffix(".archive")
    download(place_of(location), packed, digest=location.digest, limit=MAX_ARCHIVE_BYTES)
    folder.mkdir()
    unpack(packed, folder, name=f"{folder.name} archive")
    packed.unlink()
    return folder
