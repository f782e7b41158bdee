"""Content addresses of what was built and of what was found about it. Pure.

A key holds everything that can change the bytes, and nothing else: the gate, the preference and
the list of other candidates are not in it, so that changing them builds nothing again.
"""

from typing import Any

from trifocal.api.names import canonical_sha256
from trifocal.api.techniques import CALIBRATED
from trifocal.optimizer.contract import OptimizationRequest, ResolvedLocation
from trifocal.optimizer.recipe import Compression, Recipe


def network_key(request: OptimizationRequest, compression: Compression) -> str:
    """Hex digits for a trained smaller network, before any runtime."""
    return canonical_sha256(
        {"kind": "network", **_origin(request), **_training(request, compression)}
    )


def source_key(request: OptimizationRequest) -> str:
    """Hex digits for the source itself: its file, and how images become its input."""
    return canonical_sha256({"kind": "source", **_origin(request)})


def candidate_key(request: OptimizationRequest, recipe: Recipe, made_with: str) -> str:
    """Hex digits for a built file. `made_with`: the runtime and its builder with versions."""
    body: dict[str, Any] = {
        "kind": "candidate",
        **_origin(request),
        "runtime": recipe.runtime,
        "precision": recipe.precision,
        "keepFloat": recipe.keep_float,
        "madeWith": made_with,
        "gpu": request.gpu_product,
        "maxBatch": request.batching.max_batch_size,
    }
    if recipe.precision in CALIBRATED:
        body |= {
            "calibration": _digest(request.calibration),
            "samples": request.quantization.calibration_samples,
            "method": recipe.calibration,
            "perChannel": recipe.per_channel,
        }
    if recipe.compression is not None or recipe.precision == "int8-qat":
        body |= _training(request, recipe.compression)
    return canonical_sha256(body)


def evidence_key(request: OptimizationRequest, candidate: str) -> str:
    """Hex digits for what the data said about a candidate; `candidate` is its key."""
    return canonical_sha256(
        {
            "kind": "evidence",
            "candidate": candidate,
            "data": {
                "evaluation": _digest(request.evaluation),
                "unlabelled": _digest(request.unlabelled),
                "calibration": _digest(request.calibration) if request.calibrates else None,
            },
            "samples": request.quantization.calibration_samples,
            "labels": request.model.labels,
        }
    )


def _origin(request: OptimizationRequest) -> dict[str, Any]:
    model = request.model.model_dump(mode="json", by_alias=True)
    del model["source"]
    return {
        "source": request.source.digest,
        "model": model,
        "optimizer": request.optimizer_image,
    }


def _training(request: OptimizationRequest, compression: Compression | None) -> dict[str, Any]:
    distillation = request.distillation
    return {
        "compression": None if compression is None else compression.name,
        "library": getattr(compression, "library", None),
        "training": _digest(request.training),
        "teacher": _digest(request.teacher),
        "temperature": distillation.temperature,
        "labelWeight": distillation.label_weight,
        "fineTuning": request.fine_tuning.model_dump(mode="json", by_alias=True),
    }


def _digest(location: ResolvedLocation | None) -> str | None:
    return None if location is None else location.digest
