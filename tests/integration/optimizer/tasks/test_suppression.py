"""Suppression of overlapping boxes against torchvision's."""

import numpy as np
import pytest
import torch
from torchvision.ops import batched_nms

from trifocal.optimizer.tasks.boxes import FoundBoxes, without_overlaps


@pytest.mark.parametrize("seed", range(5))
def test_same_as_torchvision(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 100, (400, 4))
    corners[:, 2:] = corners[:, :2] + random.uniform(1, 40, (400, 2))
    scores = np.sort(random.random(400))[::-1].copy()
    labels = random.integers(0, 3, 400).astype(np.int32)
    boxes = FoundBoxes(corners=corners, scores=scores, labels=labels)

    kept = batched_nms(
        torch.from_numpy(corners), torch.from_numpy(scores), torch.from_numpy(labels), 0.4
    )

    assert 50 < len(kept) < 350
    found = without_overlaps(boxes, 0.4, 400)
    assert found.scores.tolist() == scores[kept.numpy()].tolist()
    assert without_overlaps(boxes, 0.4, 20).scores.tolist() == scores[kept.numpy()][:20].tolist()
