"""Data that cannot judge: duplicates, overlaps, empty classes, too few images, other images."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.calibration import Read
from trifocal.optimizer.dataset import listed
from trifocal.optimizer.evidence import EVALUATION, Evidence

_NAMED = 3
"""Files that a message names."""
MAX_COPIES = 0.01
"""Share of the evaluation images: fewer change no verdict."""
_SPREAD_IMAGES = 64
"""Images of each dataset that are compared: enough for a mean within an eighth of their spread."""
_OTHER = 1.0
_ALIEN = 3.0
"""Distance of two means in standard deviations of the evaluation data's values. Measured: two sets
of text pages 0.1, one photograph from another 0.9, photographs from pages 2.0."""
_RATIO = 2.0
_ALIEN_RATIO = 8.0
"""Of the standard deviations, either way. Measured: two sets of text pages 1.01, pages and
photographs 2.0, black or white images and photographs 9 to 11."""

_TINY = float(np.finfo(np.float32).tiny)
"""Instead of 0, to divide by."""

Prints = Mapping[str, Sequence[Path]]
"""Files by the digest of what the model sees of them."""


def fingerprints(images: Iterable[Path], read: Read) -> Prints:
    """Digests of the input tensors: files that differ only in metadata or format have the same.

    Raises:
        RefusedError: DatasetInvalid, for an image that cannot be read.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    for path in images:
        found[hashlib.sha256(read(path).tobytes()).hexdigest()].append(path)
    return found


def check_duplicates(role: str, prints: Prints) -> str | None:
    """A sentence about images that a dataset shows more than once.

    Raises:
        RefusedError: DatasetInvalid: it is the evaluation set, and they are more than a few.
    """
    copies = sum(len(paths) - 1 for paths in prints.values())
    total = sum(map(len, prints.values()))
    if not copies:
        return None
    one, other = next(paths[:2] for paths in prints.values() if len(paths) > 1)
    sentence = (
        f"{copies} of the {total} {role} images are copies of others, such as {one.name} and "
        f"{other.name}"
    )
    if role == EVALUATION and copies > MAX_COPIES * total:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{sentence}; each counts again and makes results look surer than they are. Leave the "
            f"copies out.",
        )
    return sentence


def check_overlap(evaluation: Prints, role: str, other: Prints) -> None:
    """Refuse evaluation images that a candidate has been made with.

    Raises:
        RefusedError: DatasetInvalid.
    """
    shared = [digest for digest in evaluation if digest in other]
    if shared:
        names = ", ".join(
            f"{evaluation[digest][0].name} ({other[digest][0].name} there)"
            for digest in shared[:_NAMED]
        )
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{len(shared)} evaluation images are in the {role} data too, such as {names}; images "
            f"that a model was made with prove nothing about it. Leave them out of one.",
        )


def empty_classes_note(source: Evidence) -> str | None:
    """A sentence about classes that no evaluation image shows."""
    empty = [
        name for label, name in enumerate(source.labels) if not source.tally.shows(label).any()
    ]
    if not empty:
        return None
    return (
        f"the evaluation data have no image of {len(empty)} of {len(source.labels)} classes "
        f"({listed(empty)}): nothing is known about them, and no candidate can fail on them"
    )


def too_small_note(source: Evidence, max_drop: float) -> str | None:
    """A sentence about data so few that a single image is more than the gate allows to lose."""
    if max_drop <= 0 or source.items * max_drop >= 1:
        return None
    return (
        f"{source.items} evaluation images are too few for a maxDrop of {max_drop:g}: one of them "
        f"is {1 / source.items:.4f}; use {math.ceil(1 / max_drop)} images or more"
    )


def small_slices_note(source: Evidence, least: int = 5) -> str | None:
    """A sentence about slices on which nothing can be shown."""
    small = [name for name, count in Counter(source.slices).items() if name and count < least]
    if not small:
        return None
    return (
        f"{len(small)} slices have fewer than {least} images ({listed(sorted(small))}): whatever "
        f"happens on them may be chance, and no candidate can fail on them alone"
    )


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Values of some input tensors."""

    mean: float
    deviation: float


def spread(images: Sequence[Path], read: Read) -> Spread:
    """Over up to 64 images, evenly spaced."""
    wanted = min(_SPREAD_IMAGES, len(images))
    tensors = [read(images[number * len(images) // wanted]) for number in range(wanted)]
    values = np.stack(tensors).astype(np.float64)
    return Spread(mean=float(values.mean()), deviation=float(values.std()))


def check_spread(role: str, other: Spread, evaluation: Spread) -> str | None:
    """A sentence where the images of a dataset look unlike those of the evaluation.

    Raises:
        RefusedError: DatasetInvalid: they are so different that ranges taken from them are wrong.
    """
    if other.deviation == 0:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"The {role} images are blank: every value that the model sees is {other.mean:.3g}. "
            f"Use images like those that the model will serve.",
        )
    unit = max(evaluation.deviation, _TINY)
    distance = abs(other.mean - evaluation.mean) / unit
    ratio = max(other.deviation / unit, unit / other.deviation)
    figures = (
        f"the {role} images look unlike the evaluation images (values {other.mean:.3g} +- "
        f"{other.deviation:.3g} against {evaluation.mean:.3g} +- {evaluation.deviation:.3g})"
    )
    if distance > _ALIEN or ratio > _ALIEN_RATIO:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{figures[0].upper()}{figures[1:]}. Use images like those that the model will serve, "
            f"as they come from the camera: they are scaled and normalized here.",
        )
    return figures if distance > _OTHER or ratio > _RATIO else None


def origins_note(training: str | None, evaluation: str | None) -> str | None:
    """A sentence where nothing says that training and evaluation data differ by origin.

    For candidates that were trained. A model can learn an accident of its data's origin instead of
    the task, and only data of another origin show that.
    """
    if training is not None and evaluation is not None and training != evaluation:
        return None
    what = (
        f"both have the origin '{training}'"
        if training is not None and training == evaluation
        else "datasets.training.origin and datasets.evaluation.origin do not both say where they "
        "come from"
    )
    return (
        f"training and evaluation data are not declared to be of different origins ({what}), so "
        f"the accuracy of candidates that were trained may not hold elsewhere"
    )
