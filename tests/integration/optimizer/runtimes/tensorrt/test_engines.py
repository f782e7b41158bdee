"""Real engines by TensorRT for RTX, which builds them without a GPU and has TensorRT's API.

It cannot run them here, and says so: nothing below proves an answer of an engine. Its parser and
its strongly typed builder are TensorRT's own, so what it accepts and refuses counts.
"""

import importlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorrt_rtx_bindings as rtx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime import quantization as ort
from page_orientation.model import fetch_model

from hack.cluster.paths import cache_dir
from hack.tensorrt_api import missing, read_surface
from tests.support.tiny_models import colour_classifier, save
from trifocal.api.techniques import Distillation, FineTuning, Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order, Product
from trifocal.optimizer.runtimes.tensorrt.backend import TensorRT
from trifocal.optimizer.runtimes.tensorrt.cuda import Driver
from trifocal.optimizer.runtimes.tensorrt.messages import Messages, heard
from trifocal.optimizer.training import Lesson, TrainingData
from trifocal.triton.tensorrt import EngineOrigin

pytestmark = pytest.mark.filterwarnings(
    # RTX keeps no timings; TensorRT does.
    "ignore:.*Timing cache operations are no-ops:DeprecationWarning"
)
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """Builds in one folder."""

    folder: Path

    @property
    def backend(self) -> TensorRT:
        return TensorRT(rtx, lambda: Driver("libno-driver.so"), self.folder, release="26.07")

    def order(self, model: Path) -> Order:
        """Of fp32 for a model with an 8x8 image `x`."""
        imported = ImportedModel(
            path=model, input="x", input_shape=(3, 8, 8), output="scores", fixed_batch=None
        )
        return Order(
            model=imported,
            recipe=Recipe(runtime="tensorrt", precision="fp32"),
            calibration=None,
            max_batch=4,
            folder=self.folder,
            report=lambda _share, _detail: None,
        )

    def build(self, order: Order) -> Product:
        return self.backend.build(order, self.folder / "model.plan")

    def refusal(self, order: Order) -> str:
        with pytest.raises(BuildError) as raised:
            self.build(order)
        assert not (self.folder / "model.plan").exists()
        return str(raised.value)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Workbench:
    return Workbench(folder=tmp_path)


def noise(shape: tuple[int, ...], count: int = 8) -> Calibration:
    """Images that are numbers: the same each time."""

    def read(path: Path) -> NDArray[np.float32]:
        return np.random.default_rng(int(path.name)).normal(size=shape).astype(np.float32)

    return Calibration(images=[Path(str(number)) for number in range(count)], read=read)


def with_precision(order: Order, precision: Precision) -> Order:
    return replace(
        order,
        recipe=Recipe(
            runtime="tensorrt",
            precision=precision,
            calibration="minmax" if precision == "int8" else None,
        ),
        calibration=noise(order.model.input_shape),
    )


def test_this_tensorrt_has_what_is_used_of_its_api() -> None:
    assert list(missing(read_surface(rtx))) == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_small_network_becomes_an_engine(bench: Workbench, precision: Precision) -> None:
    model = save(colour_classifier(), bench.folder / "model.onnx")
    product = bench.build(with_precision(bench.order(model), precision))
    assert product.path.read_bytes()[:4] == b"vtrt"
    assert product.facts["warnings"] == []
    assert EngineOrigin.model_validate(product.facts["engine"]) == EngineOrigin(
        tensorrt=rtx.__version__, triton_release="26.07", platform="linux-x86_64"
    )


def test_a_build_while_another_builder_lives_hears_its_own_messages(bench: Workbench) -> None:
    """TensorRT keeps one logger while anything lives: the warning about another is not heard."""
    order = bench.order(save(colour_classifier(), bench.folder / "model.onnx"))
    with heard(rtx, Messages()) as listener:
        living = rtx.Builder(listener)
    assert bench.build(order).facts["warnings"] == []
    del living


@pytest.fixture(scope="module", name="orientation")
def _orientation() -> Path:
    path = cache_dir() / "page-orientation" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    fetch_model(path)
    return path


def test_a_real_model_becomes_smaller_in_float16(bench: Workbench, orientation: Path) -> None:
    """By more than a third: half of the weights, and the code of kernels, which stays."""
    sizes = {
        p: bench.build(orientation_order(bench, orientation, p)).path.stat().st_size
        for p in ("fp32", "fp16")
    }
    assert sizes["fp16"] < sizes["fp32"] * 2 / 3


def test_a_real_model_in_int8_is_accepted(bench: Workbench, orientation: Path) -> None:
    told: list[float] = []
    order = orientation_order(bench, orientation, "int8")
    product = bench.build(replace(order, report=lambda share, _detail: told.append(share)))
    assert product.path.read_bytes()[:4] == b"vtrt"
    assert told == sorted(told)
    assert told[-1] > 0.8


def orientation_order(bench: Workbench, path: Path, precision: Precision) -> Order:
    model = ImportedModel(
        path=path,
        input="x",
        input_shape=(3, 224, 224),
        output="softmax_2.tmp_0",
        fixed_batch=None,
    )
    return with_precision(replace(bench.order(path), model=model), precision)


def test_layers_stay_in_float_where_the_recipe_says_so(bench: Workbench) -> None:
    graph = colour_classifier()
    for node in graph.graph.node:
        node.name = f"{node.op_type}:{node.output[0]}"
    order = with_precision(bench.order(save(graph, bench.folder / "model.onnx")), "int8")
    bench.build(replace(order, recipe=replace(order.recipe, keep_float=("Conv:conv",))))
    quantized = onnx.load(bench.folder / "int8.onnx")
    (fed,) = [node for node in quantized.graph.node if node.op_type == "Conv"]
    assert fed.input[0] == "x"


def test_sizes_that_the_graph_leaves_open_are_those_of_the_spec(bench: Workbench) -> None:
    """As PaddlePaddle exports: one name for all that is open, which TensorRT takes for one size."""
    graph = colour_classifier()
    for dimension in graph.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_param = "batch"
    bench.build(bench.order(save(graph, bench.folder / "model.onnx")))


def test_a_fixed_batch_is_a_profile_of_one_shape(bench: Workbench) -> None:
    path = save(colour_classifier(batch=1), bench.folder / "model.onnx")
    order = bench.order(path)
    bench.build(replace(order, model=replace(order.model, fixed_batch=1), max_batch=1))


def test_operators_that_it_lacks_are_named_with_their_nodes(bench: Workbench) -> None:
    graph = colour_classifier()
    graph.graph.node.append(helper.make_node("Det", ["conv"], ["d"], name="determinant"))
    graph.graph.node.append(helper.make_node("Unique", ["d"], ["u"], name="distinct"))
    graph.graph.output.append(helper.make_tensor_value_info("u", TensorProto.FLOAT, None))
    text = bench.refusal(bench.order(save(graph, bench.folder / "model.onnx")))
    assert text == (
        "TensorRT has no Det (node 'determinant'), Unique (node 'distinct'); export the model "
        "without them (decoding and non-maximum suppression can follow in the client), or choose "
        "the target onnxruntime"
    )


def test_what_the_parser_has_against_a_node_is_quoted(bench: Workbench) -> None:
    """A Reshape to two rows contradicts the linear layer that follows."""
    graph = colour_classifier(flatten=(2, 4))
    text = bench.refusal(bench.order(save(graph, bench.folder / "model.onnx")))
    assert text.startswith("TensorRT rejects MatMul (node 'MatMul:scores'), and says: ")
    assert text.endswith(
        "change these nodes in the exported model, or choose the target onnxruntime"
    )


def test_a_model_that_is_quantized_for_cpus_is_refused_with_the_way_out(bench: Workbench) -> None:
    """As onnxruntime.quantization makes it by default: unsigned activations, integer biases."""
    source = save(colour_classifier(), bench.folder / "source.onnx")
    target = bench.folder / "model.onnx"
    with quiet():
        ort.quantize_static(source, target, Feed(noise((3, 8, 8))))
    text = bench.refusal(bench.order(target))
    assert text.startswith(
        "TensorRT takes signed int8 with zero points of 0 and biases in float, but the model is "
        "quantized otherwise at 'x_QuantizeLinear' ("
    )
    assert text.endswith("of which the precision int8 makes what TensorRT takes")


class Feed(ort.CalibrationDataReader):  # type: ignore[misc] # it has no types
    """onnxruntime's reader of calibration data."""

    def __init__(self, calibration: Calibration) -> None:
        self._tensors = calibration.tensors()

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        tensor = next(self._tensors, None)
        return None if tensor is None else {"x": tensor}


def test_an_engine_that_cannot_be_run_here_is_said_to_be_that(bench: Workbench) -> None:
    model = save(colour_classifier(), bench.folder / "model.onnx")
    order = bench.order(model)
    product = bench.build(order)
    with pytest.raises(ModelRunError, match="there is no NVIDIA driver here, so no engine can be"):
        bench.backend.load(product.path, order.model, threads=1)


def test_the_version_names_the_place(bench: Workbench) -> None:
    assert bench.backend.version() == f"tensorrt_rtx {rtx.__version__} (no GPU, linux-x86_64)"


def test_a_calibrated_precision_without_images_is_refused(bench: Workbench) -> None:
    order = with_precision(bench.order(save(colour_classifier(), bench.folder / "m.onnx")), "int8")
    assert "spec.optimization.datasets.calibration is unset" in bench.refusal(
        replace(order, calibration=None)
    )


@pytest.fixture(name="qat")
def _qat() -> None:
    """PyTorch's libraries are imported: they warn of each other while they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("trifocal.optimizer.compression.qat")


@pytest.mark.usefixtures("qat")
def test_a_network_that_was_trained_in_int8_becomes_an_engine(bench: Workbench) -> None:
    """Nothing is learned here; what counts is that TensorRT takes what training writes."""
    order = bench.order(save(colour_classifier(), bench.folder / "model.onnx"))
    images = noise((3, 8, 8), count=32)
    lesson = Lesson(
        data=TrainingData(images=images.images, truths=None, read=images.read),
        teacher=order.model.path,
        distillation=Distillation(),
        fine_tuning=FineTuning(epochs=1, batch_size=4),
    )
    recipe = Recipe(runtime="tensorrt", precision="int8-qat")
    product = bench.build(replace(order, recipe=recipe, lesson=lesson))
    assert product.path.read_bytes()[:4] == b"vtrt"
    assert "spec.optimization.datasets.training is unset" in Workbench(
        folder=bench.folder / "other"
    ).refusal(replace(order, recipe=recipe))
