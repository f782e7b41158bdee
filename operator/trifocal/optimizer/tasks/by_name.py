"""Which task a spec names."""

from trifocal.api.model import ModelSpec
from trifocal.optimizer.tasks.classification import Classification
from trifocal.optimizer.tasks.detection import Detection
from trifocal.optimizer.tasks.segmentation import Segmentation
from trifocal.optimizer.tasks.task import Task


def task_of(model: ModelSpec) -> Task:
    """The task of `spec.model`."""
    match model.task:
        case "classification":
            return Classification(model.labels)
        case "detection":
            return Detection(model)
        case "segmentation":
            return Segmentation(model)
