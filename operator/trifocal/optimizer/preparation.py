"""The checked model with its task and data: what every later step works on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.api.task import Task as TaskName
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.batch_dimension import with_open_batch
from trifocal.optimizer.calibration import Calibration, Read
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.data_review import review
from trifocal.optimizer.dataset import (
    Item,
    has_labels,
    labelled_images,
    unlabelled_images,
    unlabelled_items,
)
from trifocal.optimizer.evaluation import BATCH, Data, remembering
from trifocal.optimizer.formats.kind import check_kind
from trifocal.optimizer.importing import ImportedModel, import_model
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.runtimes.backend import ModelRunError, Runner
from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime
from trifocal.optimizer.sources import Fetched
from trifocal.optimizer.tasks.classification import Classification
from trifocal.optimizer.tasks.detection import Detection
from trifocal.optimizer.tasks.segmentation import Segmentation
from trifocal.optimizer.tasks.task import Task
from trifocal.optimizer.training import Lesson, TrainingData

TASKS: dict[TaskName, Callable[[ModelSpec], Task]] = {
    "classification": lambda spec: Classification(spec.labels),
    "detection": Detection,
    "segmentation": Segmentation,
}
PARITY_IMAGES = 8
"""Real images on which a converted model must answer as its source does."""
_ANY_BATCH = 2
"""More than one: training asks the teacher about many images at once."""
MAX_UNLABELLED = 2048
"""Images of a set without labels that candidates must agree on: beyond it, only time passes."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Checked, loaded, and seen to answer one image."""

    model: ImportedModel
    runner: Runner
    """The source in ONNX Runtime."""
    answer_shape: tuple[int, ...]
    """Of one image, without the batch."""
    task: Task
    data: Data
    calibration: Calibration | None
    lesson: Lesson | None
    image: NDArray[np.float32]
    """The first evaluation image: what latency is measured with."""
    notes: tuple[str, ...] = field(default=())


def prepare(request: OptimizationRequest, fetched: Fetched, scratch: Path) -> Prepared:
    """Check the model and its data against the spec.

    Raises:
        RefusedError: What does not fit.
    """
    spec = request.model
    read = remembering(image_reader(spec).read)
    task = TASKS[spec.task](spec)
    items = task.items(fetched.evaluation)
    canonical, notes = _canonical(request, fetched.model, items, read, scratch)
    model = with_open_batch(
        import_model(canonical, spec),
        request.batching.max_batch_size,
        scratch / "open-batch.onnx",
    )
    image = read(items[0].path)
    runner, shape = _load(model, task, image, request.threads)
    calibration = _calibration(request, fetched, read)
    lesson = _lesson(request, fetched, model, read)
    notes = (*notes, *review(items, calibration, lesson, read))
    return Prepared(
        model=model,
        runner=runner,
        answer_shape=shape,
        task=task,
        data=Data(
            evaluation=items,
            others=_others(request, fetched),
            read=read,
            batch=model.fixed_batch or BATCH,
        ),
        calibration=calibration,
        lesson=lesson,
        image=image,
        notes=notes,
    )


def refused_by_runtime(why: object) -> RefusedError:
    """The source passes every check and cannot be run all the same."""
    return RefusedError(
        Reason.MODEL_INVALID,
        f"ONNX Runtime cannot run the source model ({why}); export it again and check it with "
        f"onnxruntime.",
    )


def _canonical(
    request: OptimizationRequest, source: Path, items: Sequence[Item], read: Read, scratch: Path
) -> tuple[Path, tuple[str, ...]]:
    """The source as ONNX, and what its conversion is worth saying about."""
    check_kind(source, request.model.format)
    if request.model.format == "onnx":
        return source, ()
    from trifocal.optimizer.formats.conversion import convert  # noqa: PLC0415 - heavy

    folder = scratch / "conversion"
    folder.mkdir()
    step = max(len(items) // PARITY_IMAGES, 1)
    examples = [read(item.path) for item in items[::step][:PARITY_IMAGES]]
    converted = convert(source, request.model, folder, examples)
    return converted.onnx, converted.notes


def _calibration(request: OptimizationRequest, fetched: Fetched, read: Read) -> Calibration | None:
    if fetched.calibration is None:
        return None
    images = unlabelled_images(fetched.calibration, request.quantization.calibration_samples)
    return Calibration(images=images, read=read)


def _others(request: OptimizationRequest, fetched: Fetched) -> dict[str, tuple[Item, ...]]:
    """Data that candidates must agree on, labels or not."""
    found: dict[str, tuple[Item, ...]] = {}
    if fetched.calibration is not None:
        samples = request.quantization.calibration_samples
        found["calibration"] = unlabelled_items(fetched.calibration, samples)
    if fetched.unlabelled is not None:
        found["unlabelled"] = unlabelled_items(fetched.unlabelled, MAX_UNLABELLED)
    return found


def _lesson(
    request: OptimizationRequest, fetched: Fetched, model: ImportedModel, read: Read
) -> Lesson | None:
    if fetched.training is None:
        return None
    teacher = fetched.teacher and _teacher(fetched.teacher, request.model)
    return Lesson(
        data=_training_data(request.model, fetched.training, read),
        teacher=teacher or model.path,
        distillation=request.distillation,
        fine_tuning=request.fine_tuning,
    )


def _teacher(path: Path, spec: ModelSpec) -> Path:
    """The named teacher, checked like a source, with its batch open.

    Raises:
        RefusedError: ModelInvalid or InputMismatch.
    """
    try:
        model = import_model(path, spec)
        return with_open_batch(model, _ANY_BATCH, path.with_name("teacher-open-batch.onnx")).path
    except RefusedError as error:
        raise RefusedError(
            error.reason,
            f"spec.optimization.distillation.teacher must fit spec.model as the source does, and "
            f"it does not: {error}",
        ) from error


def _training_data(spec: ModelSpec, folder: Path, read: Read) -> TrainingData:
    if spec.task == "classification" and has_labels(folder):
        items = labelled_images(folder, spec.labels)
        return TrainingData(
            images=[item.path for item in items], truths=[item.truth for item in items], read=read
        )
    every = unlabelled_images(folder, 10**9)
    return TrainingData(images=every, truths=None, read=read)


def _load(
    model: ImportedModel, task: Task, image: NDArray[np.float32], threads: int
) -> tuple[Runner, tuple[int, ...]]:
    try:
        runner = OnnxRuntime().load(model.path, model, threads)
        shape = runner.run(image[None]).shape
    except ModelRunError as error:
        raise refused_by_runtime(error) from error
    task.check_answer(model.output, shape)
    return runner, shape[1:]
