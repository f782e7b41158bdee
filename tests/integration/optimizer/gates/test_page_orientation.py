"""The case that the gate exists for: right on the average, wrong on right-aligned pages.

The real page-orientation model on real pages by alignment. Pruned versions of it once scored 100 %
on the pages that they were tuned on and 0 to 6 % on right-aligned ones: they had learned on which
side of the page lines begin, not what letters look like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from page_orientation.dataset import TURNS, Page, labels_csv, render
from page_orientation.model import fetch_model
from page_orientation.recipes import EVALUATION
from PIL import ImageFont

from hack.cluster.paths import cache_dir
from trifocal.api.gate import Gate
from trifocal.cli.manifest_file import read_manifest_file
from trifocal.optimizer.dataset import Item, unlabelled_items
from trifocal.optimizer.evaluation import Data, Examiner, remembering
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates.verdict import missed, notes
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.runtimes.backend import Runner
from trifocal.optimizer.tasks.classification import Classification

MANIFEST = Path(__file__).parents[4] / "examples" / "page-orientation" / "modeldeployment.yaml"
PAGES = {"letter": 50, "poem": 6, "right-memo": 5}
"""Pages of each layout and turn: as in many collections, hardly any is right-aligned."""
SILENT = lambda _share: None  # noqa: E731 - nobody listens


@dataclass(frozen=True, kw_only=True)
class OnnxModel:
    """A file in ONNX Runtime."""

    session: onnxruntime.InferenceSession

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        (scores,) = self.session.run(None, {"x": batch})
        return np.asarray(scores)


@dataclass(frozen=True, kw_only=True)
class ReadsTheMargin:
    """Knows the axis of the text as the real model does, and its direction by where lines begin.

    Ink at both ends of the lines is compared: more of it where all lines begin than where they end
    raggedly. Right on left-aligned pages; on right-aligned ones 180 degrees off.
    """

    model: Runner

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        scores = self.model.run(batch).copy()
        for row, (score, image) in enumerate(zip(scores, batch, strict=True)):
            axis = int(score.argmax()) % 2
            upright = np.rot90(image.mean(axis=0), axis)
            direction = 0 if _begins_at_the_left(upright) else 2
            scores[row] = np.eye(len(TURNS))[axis + direction]
        return scores


def _begins_at_the_left(page: NDArray[Any]) -> bool:
    ink = np.clip(np.median(page) - page, 0, None).sum(axis=0)
    columns = np.flatnonzero(ink > 0.05 * ink.max())
    text = ink[columns[0] : columns[-1] + 1]
    edge = max(1, len(text) // 4)
    return bool(text[:edge].sum() > text[-edge:].sum())


@dataclass(frozen=True, kw_only=True)
class TurnsSomePages:
    """The real model, 180 degrees off on pages that it is told."""

    model: Runner
    turned: frozenset[bytes]
    """Input tensors."""

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        scores = self.model.run(batch)
        swapped = scores[:, [2, 3, 0, 1]]
        told = np.array([image.tobytes() in self.turned for image in batch])
        return np.where(told[:, None], swapped, scores)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled pages with their alignment as the slice."""
    folder = tmp_path_factory.mktemp("pages")
    pages = [
        Page("evaluation", recipe, turn, number)
        for recipe in EVALUATION
        for turn in TURNS
        for number in range(PAGES.get(recipe.name, 0))
    ]
    for page in pages:
        (folder / page.file).write_bytes(render(page, _font))
    (folder / "labels.csv").write_bytes(labels_csv(pages))
    return folder


def _font(_name: str, size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own, so that no machine needs others."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@pytest.fixture(scope="module", name="model")
def _model() -> OnnxModel:
    path = cache_dir() / "page-orientation" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    fetch_model(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return OnnxModel(
        session=onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    )


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The source's evidence, and how to get that of others."""

    examiner: Examiner
    data: Data
    source: Evidence

    def right_aligned(self) -> Iterator[Item]:
        return (item for item in self.data.evaluation if item.slice == "right")


@pytest.fixture(scope="module", name="examined")
def _examined(folder: Path, model: OnnxModel) -> Examination:
    spec = read_manifest_file(MANIFEST).spec.model
    task = Classification(spec.labels)
    others: Mapping[str, tuple[Item, ...]] = {"unlabelled": unlabelled_items(folder, 100)}
    data = Data(
        evaluation=tuple(task.items(folder)),
        others=others,
        read=remembering(image_reader(spec).read),
    )
    examiner = Examiner(task, data, model)
    return Examination(examiner=examiner, data=data, source=examiner.source(SILENT))


def gate(**accuracy: float) -> Gate:
    return Gate.model_validate({"accuracy": {"maxDrop": 0.07, **accuracy}})


def test_the_source_reads_every_alignment(examined: Examination) -> None:
    by_name = {group.name: group for group in examined.source.groups()}

    assert [by_name[name].items for name in ("left", "centre", "right")] == [200, 24, 20]
    assert examined.source.metrics["top1"] > 0.95
    assert examined.source.measure("top1", by_name["right"]) > 0.75
    assert missed(examined.source, examined.source, gate(), "top1") == ()


def test_right_on_the_average_and_wrong_on_right_aligned_pages_fails(
    examined: Examination, model: OnnxModel
) -> None:
    turned = frozenset(examined.data.read(i.path).tobytes() for i in examined.right_aligned())

    found = examined.examiner.examine(TurnsSomePages(model=model, turned=turned), SILENT)

    lost = examined.source.metrics["top1"] - found.metrics["top1"]
    assert lost < gate().accuracy.max_drop
    failures = missed(found, examined.source, gate(), "top1")
    assert failures[0].startswith("top1 on the slice 'right' (20 images) is 0.")
    assert not any("below the source's" in line for line in failures[1:])
    for dataset in ("evaluation", "unlabelled"):
        where = f"it agrees with the source on 0.00% of the slice 'right' of the {dataset} data"
        assert any(line.startswith(where) for line in failures)


def test_average_and_labels_can_be_blind_and_agreement_sees_it(
    examined: Examination, model: OnnxModel
) -> None:
    """A gate that allows half the accuracy to go still asks on which pages the answers changed."""
    turned = frozenset(examined.data.read(i.path).tobytes() for i in examined.right_aligned())
    lenient = gate(maxDrop=0.5, maxSliceDrop=0.5)

    found = examined.examiner.examine(TurnsSomePages(model=model, turned=turned), SILENT)

    failures = missed(found, examined.source, lenient, "top1")
    assert any("it agrees with the source on 0.00%" in line for line in failures)


def test_model_that_really_reads_the_margin_fails_on_the_right(
    examined: Examination, model: OnnxModel
) -> None:
    found = examined.examiner.examine(ReadsTheMargin(model=model), SILENT)
    accuracy = {g.name: found.measure("top1", g) for g in found.groups() if g.kind == "slice"}

    assert accuracy["left"] > 0.85
    assert accuracy["right"] < 0.1
    assert any("'right'" in line for line in missed(found, examined.source, gate(), "top1"))


def test_harmless_rounding_passes_and_claims_nothing(
    examined: Examination, model: OnnxModel
) -> None:
    @dataclass(frozen=True)
    class Rounded:
        def run(self, batch: NDArray[Any]) -> NDArray[Any]:
            return model.run(batch).astype(np.float16).astype(np.float32)

    found = examined.examiner.examine(Rounded(), SILENT)

    assert missed(found, examined.source, gate(maxDrop=0.01), "top1") == ()
    assert "not distinguishable" in notes(found, examined.source, gate(), "top1")[0]
