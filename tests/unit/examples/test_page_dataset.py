"""The data sets: balanced, repeatable to the byte, and labelled the right way round."""

import io
import tarfile
from collections import Counter

import numpy as np
import pytest
from page_orientation.dataset import Page, archive, labels_csv, pages, render, turned
from page_orientation.recipes import CALIBRATION, EVALUATION, Recipe
from PIL import Image, ImageFont


def fonts(_name: str, size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, so that no machine needs others for these tests."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@pytest.mark.parametrize(("split", "count"), [("calibration", 128), ("evaluation", 400)])
def test_every_recipe_has_as_many_pages_in_each_turn(split: str, count: int) -> None:
    found = list(pages(split))
    assert len(found) == count
    assert len({page.file for page in found}) == count
    assert len(set(Counter((page.recipe.name, page.turn) for page in found).values())) == 1


def test_no_page_is_in_both_sets() -> None:
    calibration = {page.file for page in pages("calibration")}
    assert not calibration & {page.file for page in pages("evaluation")}


@pytest.mark.parametrize("recipe", [*CALIBRATION, *EVALUATION], ids=lambda r: r.name)
def test_a_page_is_the_same_bytes_every_time(recipe: Recipe) -> None:
    page = Page("evaluation", recipe, 90, 3)
    assert render(page, fonts) == render(page, fonts)


def test_the_number_of_a_page_changes_it() -> None:
    first, second = (Page("evaluation", EVALUATION[0], 0, number) for number in (0, 1))
    assert render(first, fonts) != render(second, fonts)


def test_pages_hold_ink_in_the_middle_that_the_model_sees() -> None:
    for recipe in EVALUATION:
        image = Image.open(io.BytesIO(render(Page("evaluation", recipe, 0, 0), fonts))).convert("L")
        width, height = image.size
        middle = image.crop((width // 4, height // 4, 3 * width // 4, 3 * height // 4))
        assert np.ptp(np.asarray(middle)) > 60, recipe.name


@pytest.mark.parametrize(
    ("turn", "corner"),
    [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (270, (0, 1))],
)
def test_turning_is_clockwise(turn: int, corner: tuple[int, int]) -> None:
    """The mark in the upright page's top left corner goes round like a clock's hand."""
    upright = Image.new("L", (2, 2), 255)
    upright.putpixel((0, 0), 0)
    assert turned(upright, turn).getpixel(corner) == 0


def test_the_table_has_the_columns_that_trifocal_reads() -> None:
    shown = [Page("evaluation", EVALUATION[2], 90, 7), Page("evaluation", EVALUATION[0], 0, 3)]
    assert labels_csv(shown) == (
        b"file,label,slice\nletter-000-03.jpg,0,left\nright-aligned-090-07.jpg,90,right\n"
    )


def test_an_archive_depends_on_nothing_but_its_files() -> None:
    letter, memo = (Page("evaluation", EVALUATION[n], 0, 0) for n in (0, 9))
    one = archive({memo: b"B", letter: b"A"})
    assert one == archive({letter: b"A", memo: b"B"})
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        assert tar.getnames() == ["labels.csv", letter.file, memo.file]
        assert {(entry.mtime, entry.uid, entry.uname) for entry in tar} == {(0, 0, "")}
