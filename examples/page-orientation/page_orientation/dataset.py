"""The data sets: which pages each holds, and their archives, the same bytes every time."""

import io
import random
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

from page_orientation.fonts import FontLoader
from page_orientation.recipes import CALIBRATION, EVALUATION, TRAINING, Recipe
from page_orientation.typeset import typeset
from page_orientation.wear import apply_wear, draw_wear

TURNS = (0, 90, 180, 270)
"""Degrees; also the model's classes. See `turned`."""
LABELS = "labels.csv"
JPEG_QUALITIES = (50, 75)
PAGES_PER_TURN = {"calibration": 4, "evaluation": 10, "training": 24}
"""Pages of each recipe and turn: 8 recipes make 128 pages, 10 make 400, 16 make 1,536."""
RECIPES: dict[str, tuple[Recipe, ...]] = {
    "calibration": CALIBRATION,
    "evaluation": EVALUATION,
    "training": TRAINING,
}


@dataclass(frozen=True)
class Page:
    """One labelled image. Everything random about it follows from these fields."""

    split: str
    recipe: Recipe
    turn: int
    number: int

    @property
    def file(self) -> str:
        """Name in the archive."""
        return f"{self.recipe.name}-{self.turn:03d}-{self.number:02d}.jpg"


def pages(split: str, per_turn: int | None = None) -> Iterator[Page]:
    """Every page of a set; each recipe has the same number in each turn: `per_turn`, or its own."""
    for recipe in RECIPES[split]:
        for turn in TURNS:
            for number in range(per_turn or PAGES_PER_TURN[split]):
                yield Page(split, recipe, turn, number)


def render(page: Page, fonts: FontLoader) -> bytes:
    """The page as a JPEG file."""
    # The turn is part of the seed: a page is never shown twice in two turns, or a class
    # could be told by elimination.
    rng = random.Random(f"{page.split}/{page.recipe.name}/{page.turn}/{page.number}")  # noqa: S311 - repeatable pages, no secret
    upright = apply_wear(typeset(page.recipe, rng, fonts), draw_wear(rng), rng)
    out = io.BytesIO()
    turned(upright, page.turn).save(out, "JPEG", quality=rng.randint(*JPEG_QUALITIES))
    return out.getvalue()


def turned(upright: Image.Image, turn: int) -> Image.Image:
    """The page as seen when it has been turned clockwise by `turn` degrees."""
    # Pillow counts counter-clockwise; the model's class 90 is a page whose top is at the right.
    transpose = {
        90: Image.Transpose.ROTATE_270,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_90,
    }
    return upright.transpose(transpose[turn]) if turn else upright


def labels_csv(shown: Iterable[Page]) -> bytes:
    """The table that Trifocal reads beside the images: file,label,slice.

    The slice is how the text is aligned: a model that judges the ragged margin instead of the
    letters is right on most pages and wrong on those of one alignment.
    """
    rows = (
        f"{page.file},{page.turn},{page.recipe.align}\n"
        for page in sorted(shown, key=lambda page: page.file)
    )
    return ("file,label,slice\n" + "".join(rows)).encode()


def archive(images: Mapping[Page, bytes]) -> bytes:
    """A tar of the table and the images; nothing in it depends on the time or the machine."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, LABELS, labels_csv(images))
        for page, data in sorted(images.items(), key=lambda pair: pair[0].file):
            _add(tar, page.file, data)
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(data))
