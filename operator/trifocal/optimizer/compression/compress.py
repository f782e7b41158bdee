"""Step `compress`: prunes the source or takes a student, trains it, and writes ONNX again."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trifocal.optimizer.compression.distillation import are_probabilities
from trifocal.optimizer.compression.fine_tuning import Course, Report, Trained, fine_tune
from trifocal.optimizer.compression.magnitude import Zeros
from trifocal.optimizer.compression.objective import objective
from trifocal.optimizer.compression.pictures import Pictures
from trifocal.optimizer.compression.structured import Narrowed, prune_channels
from trifocal.optimizer.compression.student import build_student
from trifocal.optimizer.compression.teacher import Teacher
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Compression, Pruned, Student
from trifocal.optimizer.torch_graph.counting import count
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.torch_graph.parity import answers
from trifocal.optimizer.torch_graph.to_onnx import to_onnx
from trifocal.optimizer.training import Effect, Lesson

_PROBE = 32
"""Images by which the kind and range of the answers are told."""
_NAMED = 3
"""Layers in a note; the rest is counted."""
_TRAINED_AT = 0.05
_EXPORTED_AT = 0.95
"""Shares of the work: reading and pruning take seconds, training takes minutes."""


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """A smaller network as ONNX, and what became of it."""

    model: ImportedModel
    effect: Effect
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Smaller:
    """A network that is smaller but not trained yet."""

    module: nn.Module
    hold: Callable[[], None] | None = None
    notes: tuple[str, ...] = ()


def compress(
    model: ImportedModel,
    compression: Compression,
    lesson: Lesson,
    labels: int,
    folder: Path,
    report: Report,
) -> Compressed:
    """Make the network smaller, train it, and write it into `folder`.

    Raises:
        BuildError: It cannot be read, made smaller, trained or written.
        WorkError: A training image is unreadable.
    """
    report(0.0, f"reading the network for {compression.name}")
    pictures = Pictures(lesson.data)
    probe = pictures.batch(np.arange(min(_PROBE, len(lesson.data.images))))
    source = to_torch(model.path, model.output, probe[:2])
    before = count(source, torch.from_numpy(probe[:1]))
    with _initialized_from(lesson.fine_tuning.seed):
        smaller = _smaller(model, source, compression, probe)
    course = _course(model, smaller.module, lesson, pictures, probe, labels)

    def training(share: float, detail: str) -> None:
        report(_TRAINED_AT + share * (_EXPORTED_AT - _TRAINED_AT), f"{compression.name}, {detail}")

    trained = fine_tune(smaller.module, course, training, smaller.hold)
    report(_EXPORTED_AT, f"{compression.name}, writing ONNX")
    path = folder / "network.onnx"
    to_onnx(smaller.module, probe[:2], model.input, model.output, path)
    after = count(smaller.module, torch.from_numpy(probe[:1]))
    return Compressed(
        model=replace(model, path=path, fixed_batch=None),
        effect=Effect(
            parameters_before=before.parameters,
            parameters_after=after.parameters,
            macs_before=before.macs,
            macs_after=after.macs,
            zeros=after.zeros,
        ),
        notes=(*smaller.notes, _told(trained, lesson)),
    )


def skeleton(model: ImportedModel, compression: Compression, labels: int, folder: Path) -> Path:
    """An ONNX file of the same structure, untrained, in seconds: its speed and size are real.

    Zeros change neither, so that for magnitude pruning it is the source itself.

    Raises:
        BuildError: It cannot be read, made smaller or written.
    """
    del labels  # the answers' shape says how many there are
    if isinstance(compression, Pruned) and compression.method != "structured":
        return model.path
    images = np.random.default_rng(0).uniform(0, 1, (2, *model.input_shape)).astype(np.float32)
    batch = images[: model.fixed_batch or 2]
    source = to_torch(model.path, model.output, batch)
    with _initialized_from(0):
        smaller = _smaller(model, source, compression, batch)
    path = folder / "skeleton.onnx"
    to_onnx(smaller.module, batch, model.input, model.output, path)
    return path


def _smaller(
    model: ImportedModel, source: nn.Module, compression: Compression, probe: NDArray[np.float32]
) -> _Smaller:
    example = torch.from_numpy(probe[:2])
    if isinstance(compression, Student):
        given = torch.from_numpy(answers(model.path, model.output, probe))
        student = build_student(
            compression,
            given[: len(example)],
            example,
            probabilities=given.dim() == 2 and are_probabilities(given),  # noqa: PLR2004 - [batch, classes]
        )
        return _Smaller(module=student)
    if compression.method == "structured":
        narrowed = prune_channels(source, example, compression.ratio or 0.0)
        return _Smaller(module=narrowed.module, notes=_skipped(narrowed))
    zeros = Zeros(source, compression)
    return _Smaller(module=source, hold=zeros.hold, notes=(_dense(zeros),))


def _course(
    model: ImportedModel,
    module: nn.Module,
    lesson: Lesson,
    pictures: Pictures,
    probe: NDArray[np.float32],
    labels: int,
) -> Course:
    fixed = model.fixed_batch if lesson.teacher == model.path else None
    teacher = Teacher(lesson.teacher, model.output, fixed)
    with torch.no_grad():
        student = module.eval()(torch.from_numpy(probe))
    return Course(
        pictures=pictures,
        count=len(lesson.data.images),
        teacher=teacher,
        objective=objective(
            student,
            teacher.answers(probe),
            lesson.distillation,
            labels=labels,
            labelled=lesson.data.truths is not None,
        ),
        tuning=lesson.fine_tuning,
    )


@contextlib.contextmanager
def _initialized_from(seed: int) -> Iterator[None]:
    """A student's first weights are random, and the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _skipped(narrowed: Narrowed) -> tuple[str, ...]:
    if not narrowed.skipped:
        return ()
    total = narrowed.pruned + len(narrowed.skipped)
    more = ", ..." if len(narrowed.skipped) > _NAMED else ""
    told = (
        f"{len(narrowed.skipped)} of {total} groups of layers kept all their channels, because the "
        f"network would not run without them: {', '.join(narrowed.skipped[:_NAMED])}{more}."
    )
    return (told,)


def _dense(zeros: Zeros) -> str:
    kept = f" {zeros.untouched} of {zeros.layers} layers lost none." if zeros.untouched else ""
    return (
        "Weights were set to zero: bytes, work and latency stay what they were, because the "
        f"runtimes store and multiply zeros like any number; only a compressed file is "
        f"smaller.{kept}"
    )


def _told(trained: Trained, lesson: Lesson) -> str:
    stop = " (stopped early)" if trained.epochs < lesson.fine_tuning.epochs else ""
    chosen = f"epoch {trained.best}" if trained.best else "the network before training"
    return (
        f"Trained for {trained.epochs} epochs{stop} on {trained.learned_from} images; {chosen} was "
        f"best on {trained.held_out} held-out training images, with {trained.score}."
    )
