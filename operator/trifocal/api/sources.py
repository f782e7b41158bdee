"""What an optimization reads, by the role that it plays, wherever in the spec it is named."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from trifocal.api.location import VerifiedLocation
from trifocal.api.modeldeployment import ModelDeploymentSpec
from trifocal.api.optimization import Dataset

DatasetRole = Literal["training", "calibration", "evaluation", "unlabelled"]
Role = Literal["source", "teacher", DatasetRole]

FIELDS: Mapping[Role, str] = MappingProxyType(
    {
        "source": "spec.model.source",
        "teacher": "spec.optimization.distillation.teacher",
        "training": "spec.optimization.datasets.training",
        "calibration": "spec.optimization.datasets.calibration",
        "evaluation": "spec.optimization.datasets.evaluation",
        "unlabelled": "spec.optimization.datasets.unlabelled",
    }
)
"""Where each is written."""


def sources(spec: ModelDeploymentSpec) -> dict[Role, VerifiedLocation]:
    """Those that the spec names."""
    found: dict[Role, VerifiedLocation] = {"source": spec.model.source}
    if spec.optimization.distillation.teacher is not None:
        found["teacher"] = spec.optimization.distillation.teacher
    found.update(datasets(spec).items())
    return found


def datasets(spec: ModelDeploymentSpec) -> dict[DatasetRole, Dataset]:
    """The datasets among them."""
    found = spec.optimization.datasets
    named: dict[DatasetRole, Dataset | None] = {
        "training": found.training,
        "calibration": found.calibration,
        "evaluation": found.evaluation,
        "unlabelled": found.unlabelled,
    }
    return {role: dataset for role, dataset in named.items() if dataset is not None}
