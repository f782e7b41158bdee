"""A real network that learned the wrong thing: pruned, and tuned on left-aligned pages only.

It reads the pages that it was tuned on, held-out ones as well, and takes right-aligned pages for
upside-down ones: what it learned is on which side lines begin. The training's own figure cannot
show it; only pages from another source can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from page_orientation.dataset import TURNS, Page, render
from page_orientation.model import fetch_model
from page_orientation.recipes import EVALUATION, TRAINING, Recipe
from PIL import ImageFont

from hack.cluster.paths import cache_dir
from trifocal.api.techniques import Distillation, FineTuning
from trifocal.cli.manifest_file import read_manifest_file
from trifocal.optimizer.compression.compress import compress
from trifocal.optimizer.importing import import_model
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.recipe import Pruned
from trifocal.optimizer.torch_graph.parity import answers
from trifocal.optimizer.training import Lesson, TrainingData

MANIFEST = Path(__file__).parents[4] / "examples" / "page-orientation" / "modeldeployment.yaml"
LEARNED = 12
"""Pages of each of the four left-aligned training layouts and turn: 192 in all."""
JUDGED = 10
"""Pages of each turn, all of one layout."""


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Images on disk and their classes."""

    paths: list[Path]
    truths: list[int]


def _font(_name: str, size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own, so that no machine needs others."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _pages(folder: Path, split: str, recipes: list[Recipe], count: int) -> Pages:
    folder.mkdir()
    shown = [Page(split, r, turn, n) for r in recipes for turn in TURNS for n in range(count)]
    for page in shown:
        (folder / page.file).write_bytes(render(page, _font))
    return Pages(
        paths=[folder / page.file for page in shown],
        truths=[TURNS.index(page.turn) for page in shown],
    )


@pytest.mark.timeout(600)
def test_it_reads_left_aligned_pages_and_turns_right_aligned_ones(
    tmp_path: Path, report: Callable[[float, str], None]
) -> None:
    spec = read_manifest_file(MANIFEST).spec.model
    source = cache_dir() / "page-orientation" / "model.onnx"
    source.parent.mkdir(parents=True, exist_ok=True)
    fetch_model(source)
    model, read = import_model(source, spec), image_reader(spec).read
    left = [recipe for recipe in TRAINING if recipe.align == "left"]
    learned = _pages(tmp_path / "learned", "training", left, LEARNED)
    lesson = Lesson(
        data=TrainingData(images=learned.paths, truths=learned.truths, read=read),
        teacher=source,
        distillation=Distillation(),
        fine_tuning=FineTuning(epochs=8, batch_size=32),
    )

    found = compress(model, Pruned(method="structured", ratio=0.5), lesson, 4, tmp_path, report)

    def accuracy(path: Path, name: str) -> float:
        folder = tmp_path / f"{path.stem}-{name}"
        recipes = [recipe for recipe in EVALUATION if recipe.name == name]
        pages = _pages(folder, "evaluation", recipes, JUDGED)
        given = answers(path, model.output, np.stack([read(it) for it in pages.paths]))
        return float((given.argmax(1) == pages.truths).mean())

    assert accuracy(source, "right-aligned") > 0.8
    assert accuracy(found.model.path, "letter") > 0.7
    assert accuracy(found.model.path, "right-aligned") < 0.4
    assert found.effect.macs_after < 0.35 * found.effect.macs_before
