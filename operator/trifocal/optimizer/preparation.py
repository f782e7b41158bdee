"""The checked model with its task and data: what every later step works on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.batch_dimension import with_open_batch
from trifocal.optimizer.building import Calibration
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.dataset import unlabelled_images
from trifocal.optimizer.evaluation import BATCH, LabelledData
from trifocal.optimizer.importing import ImportedModel, import_model
from trifocal.optimizer.preprocessing import ImageReader, image_reader
from trifocal.optimizer.runtime import ModelRunError, OnnxRunner
from trifocal.optimizer.sources import Fetched
from trifocal.optimizer.tasks.classification import Classification
from trifocal.optimizer.tasks.task import Task

TASKS: dict[str, Callable[[ModelSpec], Task]] = {
    "classification": lambda spec: Classification(spec.labels),
}
"""By `spec.model.task`."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Checked, loaded, and seen to answer one image."""

    model: ImportedModel
    runner: OnnxRunner
    """The source, loaded."""
    task: Task
    data: LabelledData
    calibration: Calibration | None
    image: NDArray[np.float32]
    """The first evaluation image: what latency is measured with."""


def prepare(request: OptimizationRequest, fetched: Fetched, scratch: Path) -> Prepared:
    """Check the model and its data against the spec.

    Raises:
        RefusedError: What does not fit.
    """
    spec = request.model
    reader = image_reader(spec)
    model = with_open_batch(
        import_model(fetched.model, spec),
        request.batching.max_batch_size,
        scratch / "open-batch.onnx",
    )
    task = TASKS[spec.task](spec)
    items = task.items(fetched.evaluation)
    image = reader.read(items[0].path)
    return Prepared(
        model=model,
        runner=_load(model, task, image, request.threads),
        task=task,
        data=LabelledData(items=items, read=reader.read, batch=model.fixed_batch or BATCH),
        calibration=_calibration(request, fetched, reader),
        image=image,
    )


def refused_by_runtime(why: object) -> RefusedError:
    """The source passes every check and cannot be run all the same."""
    return RefusedError(
        Reason.MODEL_INVALID,
        f"ONNX Runtime cannot run the source model ({why}); export it again and check it with "
        f"onnxruntime.",
    )


def _calibration(
    request: OptimizationRequest, fetched: Fetched, reader: ImageReader
) -> Calibration | None:
    if fetched.calibration is None:
        return None
    images = unlabelled_images(fetched.calibration, request.quantization.calibration_samples)
    return Calibration(images=images, read=reader.read)


def _load(model: ImportedModel, task: Task, image: NDArray[np.float32], threads: int) -> OnnxRunner:
    try:
        runner = OnnxRunner(model.path, model.output, threads)
        shape = runner.run(image[None]).shape
    except ModelRunError as error:
        raise refused_by_runtime(error) from error
    task.check_answer(model.output, shape)
    return runner
