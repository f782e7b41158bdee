"""An optimization request for a model of the zoo, as the Job would get it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.optimization.zoo.model import ZooModel, located
from trifocal.api.gate import AccuracyGate, AgreementGate, Gate
from trifocal.api.optimization import OptimizationSpec
from trifocal.api.target import Runtime, Target
from trifocal.optimizer.contract import OptimizationRequest, ResolvedLocation

GATE = Gate(accuracy=AccuracyGate(max_drop=0.01), agreement=AgreementGate(minimum=0.95))
"""The defaults, said aloud."""
ROLES = ("training", "calibration", "evaluation", "unlabelled")


def request_for(
    model: ZooModel, runtimes: Sequence[Runtime], folder: Path, **optimization: Any
) -> OptimizationRequest:
    """Keywords are fields of `spec.optimization`; those left out have their defaults."""
    data = {role: path for role in ROLES if (path := getattr(model, role)) is not None}
    datasets = {
        role: {"uri": "file:///data", "claimName": "zoo", "digest": located(path).digest}
        for role, path in data.items()
    }
    wanted = OptimizationSpec.model_validate({"datasets": datasets, "gate": GATE, **optimization})
    fields = ("search", "precisions", "quantization", "pruning", "distillation", "fine_tuning")
    return OptimizationRequest.model_validate(
        {
            "name": model.name,
            "model": model.spec,
            "source": located(model.source),
            **{role: located(path) for role, path in data.items()},
            "store": store_in(folder),
            "targets": [Target(runtime=runtime) for runtime in runtimes],
            **{field: getattr(wanted, field) for field in fields},
            "gate": wanted.gate,
            "prefer": wanted.prefer,
            "batching": {"maxBatchSize": 8},
            "optimizer_image": "benchmark",
        }
    )


def store_in(folder: Path) -> ResolvedLocation:
    """A store beside the data."""
    return ResolvedLocation(uri=(folder / "store").absolute().as_uri())
