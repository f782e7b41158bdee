"""Looks at all datasets together, before anything is built: what is refused, what is said."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from trifocal.optimizer.calibration import Calibration, Read
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.dataset_checks import (
    check_duplicates,
    check_overlap,
    check_spread,
    empty_classes_note,
    fingerprints,
    origins_note,
    small_slices_note,
    spread,
    too_small_note,
)
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.training import Lesson


def review(
    evaluation: Sequence[Item], calibration: Calibration | None, lesson: Lesson | None, read: Read
) -> tuple[str, ...]:
    """Sentences about the data.

    Raises:
        RefusedError: DatasetInvalid: what is judged by is also what is learned from, an image
            judges twice, or the data are of another kind.
    """
    judges = [item.path for item in evaluation]
    others: dict[str, Sequence[Path]] = {}
    if calibration is not None:
        others["calibration"] = calibration.images
    if lesson is not None:
        others["training"] = lesson.data.images
    return tuple(_reviewed(judges, others, read))


def _reviewed(
    judges: Sequence[Path], others: dict[str, Sequence[Path]], read: Read
) -> Iterator[str]:
    prints = fingerprints(judges, read)
    usual = spread(judges, read)
    found = [check_duplicates("evaluation", prints)]
    for role, images in others.items():
        own = fingerprints(images, read)
        check_overlap(prints, role, own)
        found += [check_duplicates(role, own), check_spread(role, spread(images, read), usual)]
    return (note for note in found if note)


def doubts(request: OptimizationRequest, source: Evidence) -> tuple[str, ...]:
    """Sentences on what these data cannot show."""
    origins = request.origins
    trained = request.training is not None
    notes = (
        origins_note(origins.get("training"), origins.get("evaluation")) if trained else None,
        empty_classes_note(source),
        too_small_note(source, request.gate.accuracy.max_drop),
        small_slices_note(source),
    )
    return tuple(note for note in notes if note)
