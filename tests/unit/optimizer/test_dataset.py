"""Datasets: rows and files that fit together, or a sentence that names the one that does not."""

from pathlib import Path

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import (
    labelled_images,
    unlabelled_images,
    unlabelled_items,
)

LABELS = ("cat", "dog")


def folder(root: Path, table: str | None, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    if table is not None:
        (root / "labels.csv").write_text(table, encoding="utf-8")
    return root


def refusal(root: Path) -> str:
    with pytest.raises(RefusedError) as error:
        labelled_images(root, LABELS)
    assert error.value.reason is Reason.DATASET_INVALID
    return str(error.value)


def test_rows_become_paths_and_class_indices(tmp_path: Path) -> None:
    folder(tmp_path, "file,label\na.png,dog\nd/b.png,cat\n", "a.png", "d/b.png")

    found = labelled_images(tmp_path, LABELS)

    assert [(image.path, image.truth) for image in found] == [
        (tmp_path / "a.png", 1),
        (tmp_path / "d/b.png", 0),
    ]


def test_table_in_the_only_folder_is_found(tmp_path: Path) -> None:
    folder(tmp_path / "set", None, "a.png")
    (tmp_path / "set/labels.csv").write_text("file,label\na.png,cat\n")

    assert [image.path for image in labelled_images(tmp_path, LABELS)] == [tmp_path / "set/a.png"]


def test_more_columns_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    folder(tmp_path, None, "a.png")
    (tmp_path / "labels.csv").write_bytes("\ufefflabel,file,note\r\ncat,a.png,x\r\n".encode())

    assert len(labelled_images(tmp_path, LABELS)) == 1


def test_slices_are_read_where_there_are_any(tmp_path: Path) -> None:
    folder(tmp_path, "file,label,slice\na.png,cat,night\nb.png,cat, \nc.png,cat\n",
           "a.png", "b.png", "c.png")  # fmt: skip

    found = labelled_images(tmp_path, LABELS)

    assert [image.slice for image in found] == ["night", None, None]
    assert [item.slice for item in unlabelled_items(tmp_path, 9)] == ["night", None, None]
    assert {item.truth for item in unlabelled_items(tmp_path, 9)} == {None}


def test_unlabelled_images_need_no_table(tmp_path: Path) -> None:
    folder(tmp_path, None, "a.png", "b.png")

    assert [item.path.name for item in unlabelled_items(tmp_path, 1)] == ["a.png"]


def test_missing_table(tmp_path: Path) -> None:
    assert refusal(folder(tmp_path, None, "a.png")) == (
        "The evaluation archive holds no labels.csv; add one with the columns file,label, files "
        "relative to it."
    )


@pytest.mark.parametrize("table", ["file,label\n", "file,label"])
def test_table_without_rows(tmp_path: Path, table: str) -> None:
    assert "labels.csv has no rows" in refusal(folder(tmp_path, table))


@pytest.mark.parametrize("table", ["", "path,class\na,b\n"])
def test_wrong_columns(tmp_path: Path, table: str) -> None:
    assert "its first line must be file,label" in refusal(folder(tmp_path, table))


def test_unknown_label_is_named_with_the_allowed_ones(tmp_path: Path) -> None:
    folder(tmp_path, "file,label\na.png,cat\nb.png,Dog\n", "a.png", "b.png")

    assert refusal(tmp_path) == (
        "labels.csv line 3 has the label 'Dog', which is not in spec.model.labels; allowed are "
        "'cat', 'dog'."
    )


@pytest.mark.parametrize("name", ["b.png", "../a.png", "/etc/hostname", ""])
def test_file_that_is_not_in_the_archive(tmp_path: Path, name: str) -> None:
    folder(tmp_path / "in", f"file,label\n{name},cat\n", "../a.png")

    assert f"line 2 names the file '{name}', which is not in the archive" in refusal(
        tmp_path / "in"
    )


def test_row_without_a_label(tmp_path: Path) -> None:
    assert "has the label ''" in refusal(folder(tmp_path, "file,label\na.png\n", "a.png"))


def test_table_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,label\n\xff\xfe\n")

    assert "is not CSV in UTF-8" in refusal(tmp_path)


def test_calibration_images_are_spread_over_all_names(tmp_path: Path) -> None:
    names = [f"{letter}{n}.png" for letter in "abc" for n in range(4)]
    folder(tmp_path, None, *names, "readme.txt", "._a0.png")

    found = unlabelled_images(tmp_path, 3)

    assert [path.name for path in found] == ["a0.png", "b0.png", "c0.png"]


def test_fewer_calibration_images_than_wanted_are_all_taken(tmp_path: Path) -> None:
    folder(tmp_path, None, "a.png", "b.jpg")

    assert len(unlabelled_images(tmp_path, 128)) == 2


def test_no_calibration_images(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="The archive holds no images"):
        unlabelled_images(tmp_path, 8)
