"""Evidence made of plain lists."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trifocal.optimizer.evidence import EVALUATION, Agreement, Answers, Evidence
from trifocal.optimizer.tasks.classification_tally import ClassificationTally


def classified(
    right: Sequence[bool],
    *,
    slices: Sequence[str | None] | None = None,
    truth: Sequence[int] | None = None,
    labels: Sequence[str] = ("a", "b"),
    agreement: Sequence[Agreement] = (),
    answers: Answers | None = None,
) -> Evidence:
    """A classifier that is right or wrong, item by item; wrong ones have the truth second."""
    count = len(right)
    return Evidence(
        labels=tuple(labels),
        slices=tuple(slices or [None] * count),
        tally=ClassificationTally(
            truth=np.array(truth or [0] * count, np.int32),
            rank=np.array([0 if one else 1 for one in right], np.int32),
        ),
        agreement=tuple(agreement),
        answers=answers or raw(items=count),
    )


def agreed(
    share: float, items: int, *, slice_name: str | None = None, dataset: str = EVALUATION
) -> Agreement:
    return Agreement(dataset=dataset, slice=slice_name, items=items, share=share)


def raw(
    **changes: Any,
) -> Answers:
    """Harmless answers of 100 images, but for the changes."""
    plain = Answers(
        items=100, low=-1.0, high=1.0, at_low=1, at_high=1, not_finite=0, constant=False
    )
    return replace(plain, **changes)
