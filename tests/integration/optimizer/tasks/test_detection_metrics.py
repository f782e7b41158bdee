"""Mean average precision: against published examples and pycocotools' own summary."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.support.vision_models import vision_model
from trifocal.api.gate import Gate
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.evidence import Answers, Evidence, from_json, to_json
from trifocal.optimizer.gates.interval import difference
from trifocal.optimizer.gates.verdict import missed
from trifocal.optimizer.tasks.boxes import FoundBoxes, TrueBoxes
from trifocal.optimizer.tasks.detection import Detection
from trifocal.optimizer.tasks.detection_tally import DetectionTally

CLASSES = 4


def true(corners: Any, labels: Any, crowd: Any = None) -> TrueBoxes:
    return TrueBoxes(
        corners=np.array(corners, np.float64).reshape(-1, 4),
        labels=np.array(labels, np.int32),
        crowd=np.zeros(len(labels), np.bool_) if crowd is None else crowd,
    )


def found(corners: Any, scores: Any, labels: Any) -> FoundBoxes:
    return FoundBoxes(
        corners=np.array(corners, np.float64).reshape(-1, 4),
        scores=np.array(scores, np.float64),
        labels=np.array(labels, np.int32),
    )


def tally(answers: Sequence[FoundBoxes], truths: Sequence[TrueBoxes]) -> DetectionTally:
    task = Detection(
        vision_model("detection", [str(n) for n in range(CLASSES)], detection={"layout": "yolo"})
    )
    return task.tally(answers, [Item(path=Path("x"), truth=truth) for truth in truths])


def test_example_of_torchmetrics_documentation() -> None:
    """One box with IoU 0.78: right at 6 of 10 thresholds; documented: map 0.6, map_50 1.0."""
    result = tally([found([[258, 41, 606, 285]], [0.536], [0])], [true([[214, 41, 562, 285]], [0])])

    assert result.measure("map") == pytest.approx(0.6)
    assert result.measure("map50") == pytest.approx(1.0)


def scene(random: np.random.Generator) -> tuple[TrueBoxes, FoundBoxes]:
    """True boxes, some of them crowds; found ones near them, doubled, elsewhere or missing."""
    count = int(random.integers(0, 6))
    corners = random.uniform(0, 80, (count, 2)).repeat(2, 0).reshape(count, 4)
    corners[:, 2:] = corners[:, :2] + random.uniform(8, 40, (count, 2))
    labels = random.integers(0, CLASSES, count)
    truth = true(corners, labels, random.random(count) < 0.15)
    near = np.concatenate([corners, corners[: count // 2]])
    near = near + random.normal(0, 2.5, near.shape)
    wild = random.uniform(0, 60, (3, 4))
    wild[:, 2:] = wild[:, :2] + random.uniform(5, 40, (3, 2))
    boxes = np.concatenate([near, wild])
    classes = np.concatenate([labels, labels[: count // 2], random.integers(0, CLASSES, 3)])
    return truth, found(boxes, np.round(random.random(len(boxes)), 2), classes)


def scenes(count: int, seed: int) -> tuple[list[TrueBoxes], list[FoundBoxes]]:
    random = np.random.default_rng(seed)
    pairs = [scene(random) for _ in range(count)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def summary(
    truths: Sequence[TrueBoxes], answers: Sequence[FoundBoxes], images: list[int]
) -> NDArray[Any]:
    """AP and AP50 as `COCOeval.summarize` reports them, from files as a user would write them."""

    def rows(many: Sequence[Any], **extra: str) -> list[dict[str, Any]]:
        return [
            {
                "image_id": image,
                "category_id": int(boxes.labels[n]) + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                **{key: getattr(boxes, name)[n].item() for key, name in extra.items()},
            }
            for image, boxes in enumerate(many)
            for n, (x1, y1, x2, y2) in enumerate(boxes.corners.tolist())
        ]

    coco = COCO()
    annotations = rows(truths, iscrowd="crowd")
    coco.dataset = {
        "images": [{"id": n} for n in range(len(truths))],
        "categories": [{"id": n + 1} for n in range(CLASSES)],
        "annotations": [{"id": n + 1, **row} for n, row in enumerate(annotations)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(rows(answers, score="scores")), "bbox")
        evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stats: NDArray[Any] = evaluation.stats
    return stats[:2]


@pytest.mark.parametrize("seed", range(5))
def test_same_as_pycocotools_on_all_images_and_on_a_slice(seed: int) -> None:
    truths, answers = scenes(40, seed)
    result = tally(answers, truths)

    whole = summary(truths, answers, list(range(40)))
    assert 0.1 < whole[0] < 0.9
    assert [result.measure("map"), result.measure("map50")] == pytest.approx(whole)

    part = np.array([n % 3 == 0 for n in range(40)], np.float64)
    of_slice = summary(truths, answers, np.flatnonzero(part).tolist())
    assert [result.measure(m, part) for m in ("map", "map50")] == pytest.approx(of_slice)


def test_an_image_that_counts_twice_is_two_images() -> None:
    truths, answers = scenes(12, 1)
    twice = np.array([2.0] + [1.0] * 11)

    weighted = tally(answers, truths).measure("map", twice)
    doubled = tally([*answers, answers[0]], [*truths, truths[0]]).measure("map")

    assert weighted == pytest.approx(doubled, abs=2e-3)  # the order of equal scores differs


def test_no_box_at_all() -> None:
    empty = found([], [], [])

    assert tally([empty], [true([[0, 0, 5, 5]], [1])]).measure("map") == 0
    assert np.isnan(tally([empty], [true([], [])]).measure("map"))


def evidence(
    answers: Sequence[FoundBoxes], truths: Sequence[TrueBoxes], slices: Sequence[str]
) -> Evidence:
    return Evidence(
        labels=tuple(str(n) for n in range(CLASSES)),
        slices=tuple(slices),
        tally=tally(answers, truths),
        agreement=(),
        answers=Answers(
            items=len(truths), low=0, high=1, at_low=1, at_high=1, not_finite=0, constant=False
        ),
    )


def test_detector_that_is_blind_at_night_fails_whatever_its_average() -> None:
    truths, answers = scenes(60, 3)
    slices = ["night" if n % 10 == 0 else "day" for n in range(60)]
    source = evidence(answers, truths, slices)
    blind = [
        boxes.part(slice(0, 0)) if name == "night" else boxes
        for boxes, name in zip(answers, slices, strict=True)
    ]
    candidate = evidence(blind, truths, slices)
    gate = Gate.model_validate({"accuracy": {"maxDrop": 0.5}})

    failures = missed(candidate, source, gate, "map")

    assert any("map on the slice 'night' (6 images) is 0.0000" in line for line in failures)
    assert missed(source, source, gate, "map") == ()


def test_evidence_survives_its_json_and_intervals_hold_the_difference() -> None:
    truths, answers = scenes(30, 4)
    source = evidence(answers, truths, ["x"] * 30)
    worse = evidence([boxes.part(slice(1, None)) for boxes in answers], truths, ["x"] * 30)

    again = from_json(to_json(source))
    assert again is not None
    assert to_json(again) == to_json(source)
    assert again.metrics == source.metrics

    low, high = difference(worse, source, "map")
    assert low < worse.metrics["map"] - source.metrics["map"] < high
