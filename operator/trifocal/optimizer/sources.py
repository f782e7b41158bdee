"""Step `fetch`: the model and its data, checked and unpacked in the scratch folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trifocal.api.model import Format
from trifocal.artifacts.archive import unpack
from trifocal.artifacts.download import download
from trifocal.artifacts.place import Place
from trifocal.optimizer.contract import OptimizationRequest, ResolvedLocation
from trifocal.optimizer.importing import MAX_MODEL_BYTES
from trifocal.optimizer.scratch import ensure_room

MAX_ARCHIVE_BYTES = 64 << 30
"""ImageNet's validation set ten times. The scratch volume's size ends smaller ones earlier."""
_SUFFIXES: dict[Format, str] = {
    "onnx": ".onnx",
    "torch-weights": ".safetensors",
    "torch-exported": ".pt2",
    "keras": ".keras",
    "saved-model": ".archive",
}
"""Names for people who look into the scratch folder; readers look at the content."""

Advance = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What lies in the scratch folder: files, and folders of unpacked archives."""

    model: Path
    """A file; the folder of a SavedModel."""
    evaluation: Path
    calibration: Path | None = None
    training: Path | None = None
    unlabelled: Path | None = None
    teacher: Path | None = None


def place_of(location: ResolvedLocation) -> Place:
    """The location for the artifacts room."""
    folder = location.credentials_dir
    return Place(
        uri=location.uri,
        endpoint=location.endpoint,
        credentials_dir=Path(folder) if folder else None,
    )


def trains(request: OptimizationRequest) -> bool:
    """Whether any candidate is trained."""
    return bool(
        request.pruning or request.distillation.students or "int8-qat" in request.precisions
    )


def fetch_sources(request: OptimizationRequest, scratch: Path, advance: Advance) -> Fetched:
    """Download, verify and unpack what the candidates asked for need.

    Raises:
        WorkError: Whatever is wrong with one of the files.
    """
    needed = {
        "evaluation": True,
        "calibration": request.calibrates,
        "training": trains(request),
        "unlabelled": True,
    }
    locations = {
        role: location
        for role, is_needed in needed.items()
        if is_needed and (location := getattr(request, role)) is not None
    }
    advance(0.0, "model")
    model = _fetch_model(request, scratch)
    teacher = None
    if request.teacher is not None and trains(request):
        teacher = _fetch_file(request.teacher, scratch / "teacher.onnx", scratch, request)
    folders: dict[str, Path] = {}
    for position, (role, location) in enumerate(locations.items()):
        advance(0.3 + 0.7 * position / len(locations), f"{role} data")
        folders[role] = _fetch_archive(location, scratch / role, scratch, request)
    return Fetched(model=model, teacher=teacher, **folders)


def _fetch_model(request: OptimizationRequest, scratch: Path) -> Path:
    if request.model.format == "saved-model":
        return _fetch_archive(request.source, scratch / "source", scratch, request)
    target = scratch / f"source{_SUFFIXES[request.model.format]}"
    return _fetch_file(request.source, target, scratch, request)


def _fetch_file(
    location: ResolvedLocation, target: Path, scratch: Path, request: OptimizationRequest
) -> Path:
    download(place_of(location), target, digest=location.digest, limit=MAX_MODEL_BYTES)
    ensure_room(scratch, request.scratch_bytes)
    return target


def _fetch_archive(
    location: ResolvedLocation, folder: Path, scratch: Path, request: OptimizationRequest
) -> Path:
    packed = folder.with_suffix(".archive")
    download(place_of(location), packed, digest=location.digest, limit=MAX_ARCHIVE_BYTES)
    folder.mkdir()
    unpack(packed, folder, name=f"{folder.name} archive")
    packed.unlink()
    ensure_room(scratch, request.scratch_bytes)
    return folder
