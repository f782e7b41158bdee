"""`spec.model.task`: what a model answers, and how the answers of a detector are read."""

from typing import Annotated, Literal

from pydantic import Field

from trifocal.api.schema import ApiModel

Task = Literal["classification", "detection", "segmentation"]

_Share = Annotated[float, Field(ge=0, le=1)]


class Detection(ApiModel):
    """How boxes are read from a detector's output."""

    layout: Literal["yolo", "boxes"] = Field(
        description="yolo: [4 + classes, anchors] or [anchors, 4 + classes], each anchor with "
        "centre x, centre y, width and height in pixels of the input, and a score for each class. "
        "boxes: up to K rows of x1, y1, x2, y2 in pixels of the input, score and class."
    )
    score_threshold: _Share = Field(
        default=0.001, description="Boxes with a lower score are left out, from 0 to 1."
    )
    iou_threshold: _Share = Field(
        default=0.7,
        description="With layout yolo: of two boxes of one class that overlap by more, the one "
        "with the lower score is left out.",
    )
    max_detections: Annotated[int, Field(ge=1, le=10000)] = Field(
        default=300, description="Boxes of one image that are kept, best scores first."
    )
