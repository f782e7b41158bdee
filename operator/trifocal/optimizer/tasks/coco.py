"""annotations.json of a detection set, in COCO's format: read and checked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item, find_file, listed, named_file
from trifocal.optimizer.tasks.boxes import TrueBoxes

ANNOTATIONS = "annotations.json"
_Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Offset = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Image(_Part):
    id: int
    file_name: str
    slice: str | None = None


class _Category(_Part):
    id: int
    name: str


class _Annotation(_Part):
    image_id: int
    category_id: int
    bbox: tuple[_Offset, _Offset, _Length, _Length]
    """x, y of the top left corner, width, height, in pixels of the image."""
    iscrowd: bool = False


class _Coco(_Part):
    images: tuple[_Image, ...] = Field(min_length=1)
    categories: tuple[_Category, ...]
    annotations: tuple[_Annotation, ...] = Field(min_length=1)


def annotated_images(folder: Path, labels: Sequence[str]) -> tuple[Item, ...]:
    """Images of annotations.json; the truth is their TrueBoxes.

    The file may lie in the archive's root or in its only folder; images are named relative to it.

    Raises:
        RefusedError: DatasetInvalid.
    """
    path = find_file(folder, ANNOTATIONS)
    if path is None:
        raise _refused(
            f"The evaluation archive holds no {ANNOTATIONS}; add one in COCO's format, images "
            f"named relative to it."
        )
    coco = _parsed(path)
    classes = _classes(coco, labels)
    found: dict[int, list[_Annotation]] = defaultdict(list)
    for annotation in coco.annotations:
        found[annotation.image_id].append(annotation)
    unknown = found.keys() - {image.id for image in coco.images}
    if unknown:
        raise _refused(
            f"{ANNOTATIONS} annotates the image_id {min(unknown)}, which is not among its images; "
            f"add the image or leave the annotation out."
        )
    return tuple(
        Item(
            path=named_file(
                path.parent, image.file_name, f"{ANNOTATIONS} names the file '{image.file_name}'"
            ),
            truth=_boxes(found[image.id], classes),
            slice=image.slice or None,
        )
        for image in coco.images
    )


def _parsed(path: Path) -> _Coco:
    try:
        return _Coco.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise _refused(
            f"{ANNOTATIONS} is not in COCO's format ({where}: {first['msg']}); export it again "
            f"with images, annotations and categories."
        ) from error


def _classes(coco: _Coco, labels: Sequence[str]) -> Mapping[int, int]:
    """Index in `labels` by category id, of the categories that are used."""
    names = {category.id: category.name for category in coco.categories}
    index = {label: position for position, label in enumerate(labels)}
    for used in sorted({annotation.category_id for annotation in coco.annotations}):
        name = names.get(used, "unnamed")
        if name not in index:
            raise _refused(
                f"{ANNOTATIONS} uses the category {used} ('{name}'), which is not in "
                f"spec.model.labels; allowed are {listed(list(index))}."
            )
    return {number: index[name] for number, name in names.items() if name in index}


def _boxes(annotations: Sequence[_Annotation], classes: Mapping[int, int]) -> TrueBoxes:
    corners = np.array([one.bbox for one in annotations], dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    return TrueBoxes(
        corners=corners,
        labels=np.array([classes[one.category_id] for one in annotations], dtype=np.int32),
        crowd=np.array([one.iscrowd for one in annotations], dtype=np.bool_),
    )


def _refused(sentence: str) -> RefusedError:
    return RefusedError(Reason.DATASET_INVALID, sentence)
