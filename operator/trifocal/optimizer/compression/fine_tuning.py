"""Trains a network that was made smaller, on training images only; the best epoch is kept."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trifocal.api.techniques import FineTuning
from trifocal.optimizer.compression.augmentation import augmented
from trifocal.optimizer.compression.objective import Objective
from trifocal.optimizer.compression.pictures import Pictures, divide
from trifocal.optimizer.compression.teacher import Teacher
from trifocal.optimizer.runtimes.backend import BuildError

Report = Callable[[float, str], None]
_LARGEST_GRADIENT = 5.0
"""Norm to which gradients are cut: just after pruning single batches would throw weights far."""
_PATIENCE = 0.4
"""Share of the epochs without a better one after which training stops."""
_LEAST_PATIENCE = 5


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is taught: images, a teacher, and what counts."""

    pictures: Pictures
    count: int
    """Images in all."""
    teacher: Teacher
    objective: Objective
    tuning: FineTuning


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a training went."""

    epochs: int
    best: int
    """The epoch that was kept; 0 is the network before training."""
    score: str
    """Of the best epoch on the held-out images, in words."""
    learned_from: int
    held_out: int


@dataclass(frozen=True, kw_only=True)
class _Epoch:
    number: int
    score: float
    loss: float

    @property
    def key(self) -> tuple[float, float]:
        return self.score, -self.loss


def fine_tune(
    module: nn.Module, course: Course, report: Report, hold: Callable[[], None] | None = None
) -> Trained:
    """Train in place; afterwards the module is in eval mode with the best epoch's weights.

    The same seed, images and number of threads give the same weights. `hold` is called after each
    step, to keep zeros.

    Raises:
        BuildError: Too few images, or the loss is no number any more.
        WorkError: An image is unreadable.
    """
    tuning = course.tuning
    if tuning.batch_size < 2:  # noqa: PLR2004 - BatchNorm needs two values
        raise BuildError("spec.optimization.fineTuning.batchSize is 1; set it to 2 or more")
    learned, held = divide(course.count, tuning.seed)
    rng = np.random.default_rng(tuning.seed)
    with _seeded(tuning.seed):
        run = _Run(module, course, steps=tuning.epochs * len(_batches(learned, tuning.batch_size)))
        best, weights = run.judged(0, held), copy.deepcopy(module.state_dict())
        done = 0
        for done in range(1, tuning.epochs + 1):
            run.epoch(rng.permutation(learned), rng, hold or _nothing)
            now = run.judged(done, held)
            if now.key > best.key:
                best, weights = now, copy.deepcopy(module.state_dict())
            told = course.objective.told(now.score)
            report(done / tuning.epochs, f"training, epoch {done} of {tuning.epochs}: {told}")
            if done - best.number >= max(_LEAST_PATIENCE, math.ceil(_PATIENCE * tuning.epochs)):
                break
    module.load_state_dict(weights)
    module.eval()
    return Trained(
        epochs=done,
        best=best.number,
        score=course.objective.told(best.score),
        learned_from=len(learned),
        held_out=len(held),
    )


class _Run:
    """One training: optimizer, schedule, and the teacher's answers that stay the same."""

    def __init__(self, module: nn.Module, course: Course, steps: int) -> None:
        self._module = module
        self._course = course
        self._optimizer = torch.optim.Adam(module.parameters(), lr=course.tuning.learning_rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, steps)
        self._taught: list[torch.Tensor] | None = None

    def epoch(
        self, places: NDArray[np.int64], rng: np.random.Generator, hold: Callable[[], None]
    ) -> None:
        self._module.train()
        for chosen in _batches(places, self._course.tuning.batch_size):
            images = augmented(self._course.pictures.batch(chosen), rng)
            taught = self._course.teacher.answers(images)
            self._optimizer.zero_grad()
            answer = self._module(torch.from_numpy(images))
            loss = self._course.objective.loss(answer, taught, self._truths(chosen))
            if not math.isfinite(float(loss.detach())):
                raise BuildError(_diverged(self._course.tuning.learning_rate))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._module.parameters(), _LARGEST_GRADIENT)
            self._optimizer.step()
            self._schedule.step()
            hold()

    def judged(self, number: int, places: NDArray[np.int64]) -> _Epoch:
        """The network as it is, on the held-out images as they are."""
        self._module.eval()
        batches = [
            places[at : at + self._course.tuning.batch_size]
            for at in range(0, len(places), self._course.tuning.batch_size)
        ]
        if self._taught is None:
            pictures = self._course.pictures
            self._taught = [self._course.teacher.answers(pictures.batch(it)) for it in batches]
        score, loss = 0.0, 0.0
        for chosen, taught in zip(batches, self._taught, strict=True):
            with torch.no_grad():
                answer = self._module(torch.from_numpy(self._course.pictures.batch(chosen)))
            truths = self._truths(chosen)
            score += self._course.objective.right(answer, taught, truths)
            loss += float(self._course.objective.loss(answer, taught, truths)) * len(chosen)
        if not math.isfinite(loss) and number:
            raise BuildError(_diverged(self._course.tuning.learning_rate))
        return _Epoch(number=number, score=score / len(places), loss=loss / len(places))

    def _truths(self, places: NDArray[np.int64]) -> torch.Tensor | None:
        found = self._course.pictures.truths(places)
        return None if found is None else torch.from_numpy(found)


def _batches(places: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Batches of `size`; a single image left over is dropped, as BatchNorm cannot learn from it."""
    cut = [places[at : at + size] for at in range(0, len(places), size)]
    return [it for it in cut if len(it) > 1]


def _diverged(rate: float) -> str:
    return (
        f"training diverged: its loss is no number any more with the learning rate {rate:g}; set "
        f"spec.optimization.fineTuning.learningRate to {rate / 10:g}"
    )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Dropout and whatever else is random inside PyTorch."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _nothing() -> None:
    """No weight is held."""
