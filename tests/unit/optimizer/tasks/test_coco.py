"""annotations.json: what it says, or a sentence about what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.tasks.coco import annotated_images

LABELS = ("cat", "dog")


def annotations(**changes: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 9, "slice": "night"},
            {"id": 8, "file_name": "b.png"},
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 17, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        ],
        **changes,
    }


def folder(root: Path, body: object) -> Path:
    root.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        (root / name).write_bytes(b"")
    (root / "annotations.json").write_text(json.dumps(body))
    return root


def refusal(root: Path, body: object) -> str:
    with pytest.raises(RefusedError) as error:
        annotated_images(folder(root, body), LABELS)
    return str(error.value)


def test_images_with_their_boxes(tmp_path: Path) -> None:
    folder(tmp_path / "set", annotations())

    one, other = annotated_images(tmp_path, LABELS)

    assert (one.path, one.slice, other.slice) == (tmp_path / "set/a.png", "night", None)
    assert one.truth.corners.tolist() == [[1, 2, 4, 6], [0, 0, 5, 5]]
    assert one.truth.labels.tolist() == [1, 0]
    assert one.truth.crowd.tolist() == [False, True]
    assert other.truth.corners.shape == (0, 4)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"holds no annotations\.json"):
        annotated_images(tmp_path, LABELS)


def test_not_coco(tmp_path: Path) -> None:
    assert "(annotations: Field required)" in refusal(
        tmp_path, {"images": [{"id": 1, "file_name": "a.png"}], "categories": []}
    )


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, 5], [0, 0, -1, 5], ["x", 0, 1, 1]])
def test_bad_box(tmp_path: Path, box: list[Any]) -> None:
    bad = {"image_id": 7, "category_id": 18, "bbox": box}

    assert "annotations.0.bbox" in refusal(tmp_path, annotations(annotations=[bad]))


def test_unknown_category(tmp_path: Path) -> None:
    bad = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]}

    assert refusal(tmp_path, annotations(annotations=[bad])) == (
        "annotations.json uses the category 3 ('unnamed'), which is not in spec.model.labels; "
        "allowed are 'cat', 'dog'."
    )


def test_unknown_image(tmp_path: Path) -> None:
    bad = {"image_id": 1, "category_id": 17, "bbox": [0, 0, 1, 1]}

    assert "the image_id 1, which is not among its images" in refusal(
        tmp_path, annotations(annotations=[bad])
    )


@pytest.mark.parametrize("name", ["c.png", "../a.png", "/etc/hostname"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    images = [{"id": 7, "file_name": name}]

    assert f"annotations.json names the file '{name}', which is not in the archive" in refusal(
        tmp_path / "in", annotations(images=images)
    )
