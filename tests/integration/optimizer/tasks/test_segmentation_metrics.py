"""Mean IoU against scikit-learn's Jaccard score on the same pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

from tests.support.vision_models import vision_model
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.tasks.segmentation import IGNORED, Segmentation

CLASSES = 5


@pytest.mark.parametrize("seed", range(3))
def test_same_as_scikit_learn(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    task = Segmentation(vision_model("segmentation", "abcde", size=(24, 32)))
    truths = random.integers(0, CLASSES - 1, (6, 24, 32)).astype(np.uint8)  # e never occurs
    truths[random.random(truths.shape) < 0.1] = IGNORED
    items = []
    for number, truth in enumerate(truths):
        Image.fromarray(truth).save(tmp_path / f"{number}.png")
        items.append(Item(path=Path(f"{number}.jpg"), truth=tmp_path / f"{number}.png"))
    scores = random.normal(size=(6, CLASSES, 24, 32)).astype(np.float32)
    scores += 1.5 * (np.arange(CLASSES)[None, :, None, None] == truths[:, None])
    answers = task.decode(scores, [item.path for item in items])

    found = task.tally(answers, items)

    judged = truths != IGNORED
    each = jaccard_score(
        truths[judged],
        scores.argmax(axis=1)[judged],
        labels=range(CLASSES - 1),
        average=None,
    )
    assert found.measure("miou") == pytest.approx(each.mean())
    assert [found.measure("miou", label=n) for n in range(CLASSES - 1)] == pytest.approx(each)
    part = np.array([1.0, 0, 0, 1, 0, 0])
    of_slice = jaccard_score(
        truths[[0, 3]][judged[[0, 3]]],
        scores.argmax(axis=1)[[0, 3]][judged[[0, 3]]],
        labels=range(CLASSES - 1),
        average="macro",
    )
    assert found.measure("miou", part) == pytest.approx(of_slice)
