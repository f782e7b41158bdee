"""`spec.model`: the trained model, what it expects and what its answers mean."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trifocal.api.location import VerifiedLocation
from trifocal.api.rule import Rule
from trifocal.api.schema import ApiModel, TensorName
from trifocal.api.task import Detection, Task
from trifocal.api.techniques import Architecture

_IMAGE_DIMENSIONS = 3
_MASK_CLASSES = 255

Dimension = Annotated[int, Field(ge=1, le=65536)]


class TensorSpec(ApiModel):
    """One input tensor, without its batch dimension."""

    name: TensorName = Field(description="The input's name in the model's graph.")
    shape: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=8)] = Field(
        description="Dimensions without the batch: [channels, height, width] or [height, width, "
        "channels], as preprocessing.layout says."
    )
    dtype: Literal["float32"] = Field(
        default="float32", description="Element type that clients send."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="size(self.shape) == 3",
            holds=lambda it: len(it.shape) == _IMAGE_DIMENSIONS,
            says="An image has three dimensions, such as [3, 224, 224]; leave the batch dimension "
            "out, because Trifocal chooses it.",
            at=".shape",
        ),
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

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.mode != 'shortest-edge' || has(self.shortestEdge)",
            holds=lambda it: it.mode != "shortest-edge" or it.shortest_edge is not None,
            says="Mode shortest-edge needs a number of pixels, for example 256.",
            at=".shortestEdge",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="self.mode == 'shortest-edge' || !has(self.shortestEdge)",
            holds=lambda it: it.mode == "shortest-edge" or it.shortest_edge is None,
            says="shortestEdge is only for mode shortest-edge, and mode is '{mode}'; remove it or "
            "change the mode.",
            at=".shortestEdge",
            reason="FieldValueForbidden",
        ),
    )


Std = Annotated[float, Field(gt=0)]


_CHANNELS = "self.colorOrder == 'GRAY' ? 1 : 3"


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
    mean: Annotated[tuple[float, ...], Field(min_length=1, max_length=3)] = Field(
        default=(0.0,), description="Subtracted after scaling; one value or one per channel."
    )
    std: Annotated[tuple[Std, ...], Field(min_length=1, max_length=3)] = Field(
        default=(1.0,), description="Divided by after the mean; one value or one per channel."
    )

    @property
    def channels(self) -> int:
        """Colour channels of the input."""
        return 1 if self.color_order == "GRAY" else 3

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"size(self.mean) == 1 || size(self.mean) == ({_CHANNELS})",
            holds=lambda it: len(it.mean) in {1, it.channels},
            says="mean needs one value, or one for each channel of colorOrder {colorOrder}.",
            at=".mean",
        ),
        Rule(
            cel=f"size(self.std) == 1 || size(self.std) == ({_CHANNELS})",
            holds=lambda it: len(it.std) in {1, it.channels},
            says="std needs one value, or one for each channel of colorOrder {colorOrder}.",
            at=".std",
        ),
        Rule(
            # The share of 1e-6 is for factors such as 0.003922, which are rounded 1/255.
            cel="self.mean.all(m, m >= 0.0 && m <= self.scale * 255.000255)",
            holds=lambda it: all(0 <= m <= it.scale * 255.000255 for m in it.mean),
            says="mean is subtracted after pixels of 0 to 255 are multiplied by scale, which is "
            "{scale}; it must lie between 0 and 255 * scale. Divide mean and std by 255, or set "
            "scale to 1.",
            at=".mean",
        ),
    )


Label = Annotated[str, Field(min_length=1, max_length=128)]

Format = Literal["onnx", "torch-weights", "torch-exported", "keras", "saved-model"]


class ModelSpec(ApiModel):
    """The source model and its contract with clients."""

    source: VerifiedLocation = Field(description="The trained model's file.")
    format: Format = Field(
        default="onnx",
        description="onnx. torch-weights: safetensors of the named architecture. torch-exported: "
        "a program saved by torch.export (.pt2). keras: .keras, .h5 or .hdf5. saved-model: a .tar "
        "or .zip of TensorFlow's folder.",
    )
    architecture: Architecture | None = Field(
        default=None, description="The network of the weights. Only with format torch-weights."
    )
    task: Task = Field(description="What the model answers; decides the accuracy metric.")
    detection: Detection | None = Field(
        default=None, description="How boxes are read. Only with task detection."
    )
    inputs: Annotated[tuple[TensorSpec, ...], Field(min_length=1, max_length=1)] = Field(
        description="The image input."
    )
    output: TensorName | None = Field(
        default=None,
        description="Output that holds the answer; unset means the graph's first output.",
    )
    preprocessing: Preprocessing = Field(
        default=Preprocessing(), description="How images become input tensors."
    )
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=10000)] = Field(
        description="Class names in the order of the scores, or of the channels of a segmentation: "
        "one channel has two classes, the background first."
    )

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input."""
        shape = self.inputs[0].shape
        return shape[1:] if self.preprocessing.layout == "NCHW" else shape[:2]  # type: ignore[return-value]

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="size(self.inputs[0].shape) != 3 || "
            "self.inputs[0].shape[self.preprocessing.layout == 'NCHW' ? 0 : 2] == "
            "(self.preprocessing.colorOrder == 'GRAY' ? 1 : 3)",
            holds=lambda it: (
                len(it.inputs[0].shape) != _IMAGE_DIMENSIONS
                or it.inputs[0].shape[0 if it.preprocessing.layout == "NCHW" else 2]
                == it.preprocessing.channels
            ),
            says="The shape [{inputs[0].shape[0]}, {inputs[0].shape[1]}, {inputs[0].shape[2]}] "
            "does not fit layout {preprocessing.layout} and colorOrder "
            "{preprocessing.colorOrder}: channels come first in NCHW and last in NHWC, and there "
            "are 3 of them, or 1 for GRAY. Correct whichever is wrong.",
            at=".inputs",
        ),
        Rule(
            cel="!has(self.preprocessing.resize.shortestEdge) || "
            "size(self.inputs[0].shape) != 3 || "
            "(self.preprocessing.layout == 'NCHW' ? [1, 2] : [0, 1]).all(i, "
            "self.inputs[0].shape[i] <= self.preprocessing.resize.shortestEdge)",
            holds=lambda it: (
                it.preprocessing.resize.shortest_edge is None
                or len(it.inputs[0].shape) != _IMAGE_DIMENSIONS
                or max(it.image_size) <= it.preprocessing.resize.shortest_edge
            ),
            says="shortestEdge is {preprocessing.resize.shortestEdge} pixels, and the input's "
            "height and width are cut out of that; make it at least as large as both.",
            at=".preprocessing.resize.shortestEdge",
        ),
        Rule(
            cel="self.format != 'torch-weights' || has(self.architecture)",
            holds=lambda it: it.format != "torch-weights" or it.architecture is not None,
            says="A file of weights does not say which network they are of; name its "
            "architecture, such as torchvision's resnet18.",
            at=".architecture",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="self.format == 'torch-weights' || !has(self.architecture)",
            holds=lambda it: it.format == "torch-weights" or it.architecture is None,
            says="A model of format {format} describes its own network; remove architecture, or "
            "set format to torch-weights.",
            at=".architecture",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="self.task != 'detection' || has(self.detection)",
            holds=lambda it: it.task != "detection" or it.detection is not None,
            says="A detector's output can be laid out in two ways; set detection.layout to yolo "
            "or boxes.",
            at=".detection",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="self.task == 'detection' || !has(self.detection)",
            holds=lambda it: it.task == "detection" or it.detection is None,
            says="detection is only for task detection, and the task is {task}; remove it or "
            "change the task.",
            at=".detection",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="self.task == 'detection' || size(self.labels) > 1",
            holds=lambda it: it.task == "detection" or len(it.labels) > 1,
            says="There is one label, and task {task} chooses between at least two; list all "
            "classes, the background of a segmentation included.",
            at=".labels",
        ),
        Rule(
            cel="self.task != 'segmentation' || size(self.labels) <= 255",
            holds=lambda it: it.task != "segmentation" or len(it.labels) <= _MASK_CLASSES,
            says="A mask has one byte for each pixel, and 255 stands for pixels that are not "
            "judged; list at most 255 labels.",
            at=".labels",
        ),
        Rule(
            # Comparing 10000 labels with each other is far above CEL's cost limit, and list type
            # set would let server-side apply reorder them.
            cel="",
            holds=lambda it: len(set(it.labels)) == len(it.labels),
            says="Two labels are the same, so labels.csv could mean either; make each unique.",
            at=".labels",
        ),
    )
