"""Images on disk with what is known about them: an unpacked archive, read and checked."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.preprocessing import SUFFIXES

LABELS = "labels.csv"
COLUMNS = ("file", "label")
_NAMED = 10
"""Labels that a message lists before it says how many more there are."""


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """One image and the index of its true class."""

    path: Path
    truth: int


def labelled_images(folder: Path, labels: Sequence[str]) -> tuple[LabelledImage, ...]:
    """Rows of labels.csv, each with an existing file and a known label.

    labels.csv may lie in the archive's root or in its only folder; files are named relative to it.

    Raises:
        RefusedError: DatasetInvalid, naming the row.
    """
    table = _labels_file(folder)
    if table is None:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"The evaluation archive holds no {LABELS}; add one with the columns file,label, "
            f"files relative to it.",
        )
    index = {label: position for position, label in enumerate(labels)}
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            _check_columns(rows.fieldnames)
            images = tuple(_image(row, table.parent, index, rows.line_num) for row in rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedError(
            Reason.DATASET_INVALID, f"{LABELS} is not CSV in UTF-8 ({error}); save it again."
        ) from error
    if not images:
        raise RefusedError(
            Reason.DATASET_INVALID, f"{LABELS} has no rows; the gate needs labelled images."
        )
    return images


def unlabelled_images(folder: Path, count: int) -> tuple[Path, ...]:
    """Up to `count` images of a folder, evenly spaced in the order of their names.

    Names often begin with the class, so an even spread draws from all of them.

    Raises:
        RefusedError: DatasetInvalid, when there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("._")  # macOS metadata
    )
    if not found:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"The calibration archive holds no images ({', '.join(sorted(SUFFIXES))}).",
        )
    wanted = min(count, len(found))
    return tuple(found[position * len(found) // wanted] for position in range(wanted))


def _labels_file(folder: Path) -> Path | None:
    candidates = [folder / LABELS]
    folders = [path for path in folder.iterdir() if path.is_dir()]
    if len(folders) == 1:
        candidates.append(folders[0] / LABELS)
    return next((path for path in candidates if path.is_file()), None)


def _check_columns(found: Sequence[str] | None) -> None:
    if not set(COLUMNS) <= set(found or ()):
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{LABELS} has the columns {','.join(found or ('none',))}; its first line must be "
            f"{','.join(COLUMNS)}.",
        )


def _image(
    row: dict[str, str | None], folder: Path, index: dict[str, int], line: int
) -> LabelledImage:
    name, label = (row["file"] or "").strip(), (row["label"] or "").strip()
    if label not in index:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{LABELS} line {line} has the label '{label}', which is not in spec.model.labels; "
            f"allowed are {_listed(list(index))}.",
        )
    path = folder / name
    outside = name.startswith("/") or ".." in name.split("/")
    if not name or outside or not path.is_file():
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{LABELS} line {line} names the file '{name}', which is not in the archive; paths "
            f"are relative to {LABELS}.",
        )
    return LabelledImage(path=path, truth=index[label])


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(f"'{label}'" for label in labels[:_NAMED])
    return shown if len(labels) <= _NAMED else f"{shown} and {len(labels) - _NAMED} more"
