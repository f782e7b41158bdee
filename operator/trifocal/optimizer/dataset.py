"""Images on disk with what is known about them: an unpacked archive, read and checked."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.preprocessing import SUFFIXES

LABELS = "labels.csv"
COLUMNS = ("file", "label")
SLICE = "slice"
"""The column, in labels.csv, and the key of an image, in annotations.json, that names a group."""
_NAMED = 10
"""Labels that a message lists before it says how many more there are."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image."""

    path: Path
    truth: Any = None
    """What is true of it, as its task understands it; None without labels."""
    slice: str | None = None
    """The group that must not get worse; None outside any group."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of labels.csv."""

    line: int
    values: Mapping[str, str]
    """By column, stripped; a cell that is missing is empty."""
    folder: Path
    """Where the files lie that it names."""

    def file(self, column: str = "file") -> Path:
        """The existing file that a cell names.

        Raises:
            RefusedError: DatasetInvalid.
        """
        name = self.values[column]
        return named_file(self.folder, name, f"{LABELS} line {self.line} names the file '{name}'")

    def item(self, truth: Any) -> Item:
        """The row's image, with its truth."""
        return Item(path=self.file(), truth=truth, slice=self.values.get(SLICE) or None)


def labelled_images(folder: Path, labels: Sequence[str]) -> tuple[Item, ...]:
    """Rows of labels.csv, each with an existing file and the index of a known label.

    labels.csv may lie in the archive's root or in its only folder; files are named relative to it.

    Raises:
        RefusedError: DatasetInvalid, naming the row.
    """
    index = {label: position for position, label in enumerate(labels)}
    return tuple(row.item(_class_of(row, index)) for row in table_rows(folder, COLUMNS))


def table_rows(folder: Path, columns: Sequence[str]) -> tuple[Row, ...]:
    """The rows of labels.csv, which has at least these columns and one row.

    Raises:
        RefusedError: DatasetInvalid.
    """
    table = find_file(folder, LABELS)
    if table is None:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"The evaluation archive holds no {LABELS}; add one with the columns "
            f"{','.join(columns)}, files relative to it.",
        )
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _check_columns(reader.fieldnames, columns)
            rows = tuple(_rows(reader, table.parent))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedError(
            Reason.DATASET_INVALID, f"{LABELS} is not CSV in UTF-8 ({error}); save it again."
        ) from error
    if not rows:
        raise RefusedError(
            Reason.DATASET_INVALID, f"{LABELS} has no rows; the gate needs labelled images."
        )
    return rows


def has_labels(folder: Path) -> bool:
    """Whether an unpacked archive has a labels.csv."""
    return find_file(folder, LABELS) is not None


def unlabelled_items(folder: Path, count: int) -> tuple[Item, ...]:
    """Up to `count` images without truths; slices come from a labels.csv, where there is one.

    Raises:
        RefusedError: DatasetInvalid, when there is no image or the table is broken.
    """
    slices: dict[Path, str | None] = {}
    if has_labels(folder):
        slices = {row.file(): row.values.get(SLICE) or None for row in table_rows(folder, ["file"])}
    return tuple(
        Item(path=path, slice=slices.get(path)) for path in unlabelled_images(folder, count)
    )


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
            f"The archive holds no images ({', '.join(sorted(SUFFIXES))}); add some.",
        )
    wanted = min(count, len(found))
    return tuple(found[position * len(found) // wanted] for position in range(wanted))


def find_file(folder: Path, name: str) -> Path | None:
    """A file in an archive's root or in its only folder."""
    candidates = [folder / name]
    folders = [path for path in folder.iterdir() if path.is_dir()]
    if len(folders) == 1:
        candidates.append(folders[0] / name)
    return next((path for path in candidates if path.is_file()), None)


def named_file(folder: Path, name: str, where: str) -> Path:
    """The existing file of this name below a folder. `where` begins the refusal.

    Raises:
        RefusedError: DatasetInvalid.
    """
    path = folder / name
    outside = name.startswith("/") or ".." in name.split("/")
    if not name or outside or not path.is_file():
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{where}, which is not in the archive; paths are relative to the file that names "
            f"them.",
        )
    return path


def listed(labels: Sequence[str]) -> str:
    """The first of some names, quoted, and how many more there are."""
    shown = ", ".join(f"'{label}'" for label in labels[:_NAMED])
    return shown if len(labels) <= _NAMED else f"{shown} and {len(labels) - _NAMED} more"


def _rows(reader: "csv.DictReader[str]", folder: Path) -> Iterator[Row]:
    for values in reader:
        yield Row(
            line=reader.line_num,
            # Cells beyond the header's come as a list under None, and are nobody's.
            values={key: (value or "").strip() for key, value in values.items() if key},
            folder=folder,
        )


def _check_columns(found: Sequence[str] | None, wanted: Sequence[str]) -> None:
    if not set(wanted) <= set(found or ()):
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{LABELS} has the columns {','.join(found or ('none',))}; its first line must be "
            f"{','.join(wanted)}.",
        )


def _class_of(row: Row, index: Mapping[str, int]) -> int:
    label = row.values["label"]
    if label not in index:
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"{LABELS} line {row.line} has the label '{label}', which is not in "
            f"spec.model.labels; allowed are {listed(list(index))}.",
        )
    return index[label]
