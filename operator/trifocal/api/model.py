"""`spec.model`: the trained model, what it expects and what its answers mean."""

from typing import Annotated, Literal

from pydantic import Field

from trifocal.api.location import VerifiedLocation
from trifocal.api.schema import ApiModel, TensorName

Dimension = Annotated[int, Field(ge=1, le=65536)]


class TensorSpec(ApiModel):
    """One input tensor, without its batch dimension."""

    name: TensorName = Field(description="The input's name in the model's graph.")
    shape: Annotated[tuple[Dimension, ...], Field(min_length=3, max_length=3)] = Field(
        description="Dimensions without the batch: [channels, height, width] or [height, width, "
        "channels], as preprocessing.layout says."
    )
    dtype: Literal["float32"] = Field(
        default="float32", description="Element type that clients send."
    )


class Resize(ApiModel):
    """How an image of any size becomes the input's size."""

    mode: Literal["stretch", "shortest-edge", "letterbox"] = Field(
        default="stretch",
        description=(
            "stretch: to the input's height and width. shortest-edge: scale so that the shortest "
            "edge has shortestEdge pixels, then crop the centre. letterbox: scale to fit, pad "
            "with black."
        ),
    )
    shortest_edge: Annotated[int, Field(ge=1, le=16384)] | None = Field(
        default=None, description="Pixels of the shortest edge. Only with mode shortest-edge."
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] = Field(
        default="bilinear", description="Filter used to resample."
    )


PerChannel = Annotated[tuple[float, ...], Field(min_length=1, max_length=4)]


class Preprocessing(ApiModel):
    """From an image file to the input tensor: value = (pixel * scale - mean) / std."""

    resize: Resize = Field(default=Resize(), description="From the image's size to the input's.")
    color_order: Literal["RGB", "BGR", "GRAY"] = Field(
        default="RGB", description="Order of the colour channels that the model was trained on."
    )
    layout: Literal["NCHW", "NHWC"] = Field(
        default="NCHW", description="Order of the input's dimensions."
    )
    scale: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1 / 255, description="Factor for pixel values of 0 to 255."
    )
    mean: PerChannel = Field(
        default=(0.0,), description="Subtracted after scaling; one value or one per channel."
    )
    std: PerChannel = Field(
        default=(1.0,), description="Divided by after the mean; one value or one per channel."
    )


Label = Annotated[str, Field(min_length=1, max_length=128)]


class ModelSpec(ApiModel):
    """The source model and its contract with clients."""

    source: VerifiedLocation = Field(description="The trained model's file.")
    format: Literal["onnx"] = Field(default="onnx", description="Format of the source file.")
    task: Literal["classification"] = Field(
        description="What the model answers; decides the accuracy metric."
    )
    inputs: Annotated[tuple[TensorSpec, ...], Field(min_length=1, max_length=1)] = Field(
        description="The image input."
    )
    output: TensorName | None = Field(
        default=None,
        description="Output that holds the class scores; unset means the graph's first output.",
    )
    preprocessing: Preprocessing = Field(
        default=Preprocessing(), description="How images become input tensors."
    )
    labels: Annotated[tuple[Label, ...], Field(min_length=2, max_length=10000)] = Field(
        description="Class names in the order of the scores."
    )
