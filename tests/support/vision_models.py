"""Model specs of the three tasks."""

from collections.abc import Sequence
from typing import Any

from trifocal.api.model import ModelSpec


def vision_model(
    task: str,
    labels: Sequence[str],
    *,
    size: tuple[int, int] = (32, 32),
    detection: dict[str, Any] | None = None,
    **preprocessing: Any,
) -> ModelSpec:
    """`size`: height and width of the input."""
    height, width = size
    shape = [height, width, 3] if preprocessing.get("layout") == "NHWC" else [3, height, width]
    body: dict[str, Any] = {
        "source": {"uri": "s3://bucket/model.onnx", "digest": f"sha256:{'0' * 64}"},
        "task": task,
        "inputs": [{"name": "x", "shape": shape}],
        "labels": list(labels),
        "preprocessing": preprocessing,
    }
    if detection is not None:
        body["detection"] = detection
    return ModelSpec.model_validate(body)
