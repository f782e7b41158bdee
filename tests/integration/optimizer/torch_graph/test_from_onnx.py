"""ONNX operators as exporters write them, read as PyTorch modules."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch
from torch import nn

from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.torch_graph.parity import answers

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)


def _written(folder: Path, body: str, opset: int, weights: str = "") -> Path:
    text = f"""
    <ir_version: 8, opset_import: ["" : {opset}]>
    g (float[N, 4, 6, 6] x) => (float y) {weights} {{ {body} }}
    """
    path = folder / "model.onnx"
    onnx.save_model(onnx.parser.parse_model(text), path)
    return path


CASES = {
    "mean of opset 18": (18, "a = Constant<value_ints=[2,3]>() y = ReduceMean<keepdims=0>(x, a)"),
    "mean of opset 13": (13, "y = ReduceMean<axes=[1], keepdims=1>(x)"),
    "mean over nothing": (18, "y = ReduceMean<noop_with_empty_axes=1>(x)"),
    "norm": (18, "a = Constant<value_ints=[1]>() y = ReduceL2(x, a)"),
    "split of opset 18": (18, "p, q = Split<axis=1, num_outputs=2>(x) y = Sub(p, q)"),
    "split into unequal parts": (
        13,
        """
        s = Constant<value_ints=[1,3]>() p, q = Split<axis=1>(x, s) y = Mul(q, p)
        """,
    ),
    "second part of a split": (13, "p, y = Split<axis=1>(x)"),
    "slice": (
        13,
        """
        b = Constant<value_ints=[1,0]>() e =
        Constant<value_ints=[-1,9223372036854775807]>() a =
        Constant<value_ints=[2,3]>() s = Constant<value_ints=[1,2]>() y =
        Slice(x,b,e,a,s)
        """,
    ),
    "resize by scales": (
        13,
        """
        s = Constant<value_floats=[1.0,1.0,2.0,2.0]>() y = Resize<mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor">(x, , s)
        """,
    ),
    "resize to sizes that follow the batch": (
        13,
        """
        h = Shape(x) i = Constant<value_ints=[0,1]>() bc = Gather(h, i) hw =
        Constant<value_ints=[9,9]>() s = Concat<axis=0>(bc, hw) y =
        Resize<mode="linear", coordinate_transformation_mode="half_pixel">(x, , , s)
        """,
    ),
    "pad": (13, "p = Constant<value_ints=[0,0,1,2,0,0,0,1]>() y = Pad(x, p)"),
    "pad at the edge": (
        18,
        """
        p = Constant<value_ints=[1,1]>() a = Constant<value_ints=[-1]>() y =
        Pad<mode="edge">(x, p, , a)
        """,
    ),
    "clip with constants": (
        13,
        """
        l = Constant<value_float=-0.5>() h = Constant<value_float=0.5>() y = Clip(x,
        l, h)
        """,
    ),
    "gather one channel": (13, "i = Constant<value_int=2>() y = Gather<axis=1>(x, i)"),
    "gather channels": (13, "i = Constant<value_ints=[3,0]>() y = Gather<axis=1>(x, i)"),
    "unsqueeze and squeeze": (
        13,
        """
        a = Constant<value_ints=[1,-1]>() u = Unsqueeze(x, a) y = Squeeze(u, a)
        """,
    ),
    "expand": (13, "m = ReduceMean<axes=[1]>(x) h = Shape(x) e = Expand(m, h) y = Add(e, x)"),
    "gelu of opset 20": (20, "y = Gelu(x)"),
    "hard sigmoids": (14, "a = HardSigmoid<alpha=0.2, beta=0.5>(x) b = HardSwish(x) y = Add(a,b)"),
    "reshape with an open rest": (13, "s = Constant<value_ints=[0,2,-1]>() y = Reshape(x, s)"),
    "swapped halves of the channels": (
        13,
        """
        s = Constant<value_ints=[-1,2,2,6,6]>() r = Reshape(x, s) t =
        Transpose<perm=[0,2,1,3,4]>(r) b = Constant<value_ints=[-1,4,6,6]>() y =
        Reshape(t, b)
        """,
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.replace(" ", "-"))
def test_operator(case: str, tmp_path: Path) -> None:
    """Each is compared with ONNX Runtime, on another batch than the one it was read with."""
    opset, body = CASES[case]
    path = _written(tmp_path, body, opset)
    module = to_torch(path, "y", IMAGES)

    more = np.random.default_rng(1).normal(size=(5, 4, 6, 6)).astype(np.float32)
    with torch.no_grad():
        found = module(torch.from_numpy(more)).numpy()

    np.testing.assert_allclose(found, answers(path, "y", more), atol=1e-5)


@pytest.mark.parametrize("slopes", ["float[4, 1, 1]", "float[1, 4, 1, 1]", "float[1]"])
def test_slopes_for_channels_are_a_layer_however_they_are_written(
    slopes: str, tmp_path: Path
) -> None:
    """A layer can be pruned and lowered; a generic operator on a constant can not."""
    values = "{0.1}" if slopes == "float[1]" else "{0.1, -0.5, 0.0, 1.5}"
    path = _written(tmp_path, "y = PRelu(x, s)", 16, f"<{slopes} s = {values}>")

    module = to_torch(path, "y", IMAGES)

    assert any(isinstance(layer, nn.PReLU) for layer in module.modules())


def test_a_product_with_weights_and_a_sum_is_a_layer(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        "f = Flatten(x) m = MatMul(f, w) y = Add(b, m)",
        13,
        "<float[144, 2] w, float[2] b>",
    )
    model = onnx.load_model(path)
    rng = np.random.default_rng(0)
    del model.graph.initializer[:]
    for name, shape in (("w", (144, 2)), ("b", (2,))):
        value = rng.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    onnx.save_model(model, path)

    (layer,) = [it for it in to_torch(path, "y", IMAGES).modules() if isinstance(it, nn.Linear)]

    assert (layer.in_features, layer.out_features) == (144, 2)
    assert layer.bias is not None


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, "y = Det(x)", 13)
    with pytest.raises(BuildError, match=r"Det \(node .*with standard operators"):
        to_torch(path, "y", IMAGES)


def test_a_constant_that_is_computed_from_the_image_is_named(tmp_path: Path) -> None:
    body = (
        "m = ReduceMax<keepdims=0>(x) c = Cast<to=7>(m) o = Constant<value_ints=[1]>() "
        "s = Reshape(c, o) z = Constant<value_ints=[0]>() a = Constant<value_ints=[2]>() "
        "y = Slice(x, z, s, a)"
    )
    path = _written(tmp_path, body, 13)
    with pytest.raises(BuildError, match=r"Slice \(node .*computed from the image"):
        to_torch(path, "y", IMAGES)
