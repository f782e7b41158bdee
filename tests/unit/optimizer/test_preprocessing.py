"""Preprocessing against arithmetic done by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.tiny_models import model_spec
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.preprocessing import image_reader


def reader(shape: tuple[int, int, int], **preprocessing: Any) -> Any:
    return image_reader(
        model_spec(inputs=[{"name": "x", "shape": shape}], preprocessing=preprocessing)
    )


def test_normalization_is_scale_then_mean_then_std() -> None:
    """ImageNet's constants on pixel (255, 128, 0)."""
    image = Image.new("RGB", (1, 1), (255, 128, 0))

    tensor = reader((3, 1, 1), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).tensor(image)

    # Red: one less .485, over .229. Green: 128 of 255 less .456, over .224. Blue: less .406.
    assert tensor.ravel() == pytest.approx([2.248908, 0.205182, -1.804444], abs=1e-5)


@pytest.mark.parametrize(("order", "expected"), [("RGB", [10, 20, 30]), ("BGR", [30, 20, 10])])
def test_colour_order(order: str, expected: list[int]) -> None:
    image = Image.new("RGB", (1, 1), (10, 20, 30))

    assert reader((3, 1, 1), colorOrder=order, scale=1.0).tensor(image).ravel().tolist() == expected


def test_mean_and_std_are_in_the_models_colour_order() -> None:
    image = Image.new("RGB", (1, 1), (10, 20, 30))

    tensor = reader(
        (3, 1, 1), colorOrder="BGR", scale=1.0, mean=(30, 20, 10), std=(1, 2, 4)
    ).tensor(image)

    assert tensor.ravel().tolist() == [0, 0, 0]


def test_gray_is_luma() -> None:
    """ITU-R 601-2: 0.299 R + 0.587 G + 0.114 B."""
    image = Image.new("RGB", (1, 1), (100, 200, 50))

    tensor = reader((1, 1, 1), colorOrder="GRAY", scale=1.0).tensor(image)

    assert tensor.ravel().tolist() == [153]  # 29.9 + 117.4 + 5.7


def test_layouts_hold_the_same_values() -> None:
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))

    first = reader((3, 2, 4), layout="NCHW", scale=1.0).tensor(image)
    last = reader((2, 4, 3), layout="NHWC", scale=1.0).tensor(image)

    assert last.ravel().tolist() == list(range(24))
    assert first.transpose(1, 2, 0).tolist() == last.tolist()
    assert first.flags.c_contiguous


def test_stretch_ignores_the_aspect_ratio() -> None:
    image = Image.fromarray(np.array([[0, 0, 100, 100]], dtype=np.uint8)).convert("RGB")

    resize = {"mode": "stretch", "interpolation": "nearest"}
    tensor = reader((3, 2, 2), resize=resize, scale=1.0).tensor(image)

    assert tensor[0].tolist() == [[0, 100], [0, 100]]


def test_shortest_edge_keeps_the_ratio_and_cuts_the_centre() -> None:
    """4 x 8 to 2 x 4 by nearest pixels, then the middle 2 columns of the 4."""
    columns = np.array([0, 0, 10, 10, 20, 20, 30, 30], dtype=np.uint8)
    image = Image.fromarray(np.tile(columns, (4, 1))).convert("RGB")

    resize = {"mode": "shortest-edge", "shortestEdge": 2, "interpolation": "nearest"}
    tensor = reader((3, 2, 2), resize=resize, scale=1.0).tensor(image)

    assert tensor[0].tolist() == [[10, 20], [10, 20]]


def test_letterbox_fits_and_pads_with_black() -> None:
    image = Image.new("RGB", (8, 4), (50, 50, 50))

    resize = {"mode": "letterbox", "interpolation": "nearest"}
    tensor = reader((3, 4, 4), resize=resize, scale=1.0).tensor(image)

    assert tensor[0].tolist() == [[0] * 4, [50] * 4, [50] * 4, [0] * 4]


def test_letterbox_of_a_very_thin_image_keeps_one_pixel() -> None:
    image = Image.new("RGB", (1000, 1), (50, 50, 50))

    tensor = reader((3, 4, 4), resize={"mode": "letterbox"}, scale=1.0).tensor(image)

    assert tensor[0].tolist() == [[0] * 4, [50] * 4, [0] * 4, [0] * 4]


def test_transparent_and_palette_images_are_read(tmp_path: Path) -> None:
    for mode in ("RGBA", "P", "L", "1"):
        Image.new("RGB", (2, 2), (255, 255, 255)).convert(mode).save(tmp_path / "i.png")

        assert reader((3, 2, 2)).read(tmp_path / "i.png").min() == 1


@pytest.mark.parametrize("cut", [4, 60])
def test_damaged_image_is_named(tmp_path: Path, cut: int) -> None:
    Image.effect_noise((40, 40), 50).save(tmp_path / "i.png")
    content = (tmp_path / "i.png").read_bytes()
    (tmp_path / "page-7.png").write_bytes(content[:cut])

    with pytest.raises(RefusedError, match=r"page-7\.png is") as refusal:
        reader((3, 2, 2)).read(tmp_path / "page-7.png")
    assert refusal.value.reason is Reason.DATASET_INVALID


def test_decoders_that_few_use_do_not_run(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "i.png", "GIF")

    with pytest.raises(RefusedError, match="not an image of a format that is read"):
        reader((3, 2, 2)).read(tmp_path / "i.png")


@pytest.mark.parametrize("edge", [8_001, 10_000, 20_000])
def test_decompression_bomb_is_refused_unread(tmp_path: Path, edge: int) -> None:
    """One bit per pixel, all equal: a few kB on disk, hundreds of MB in memory."""
    Image.new("1", (edge, edge)).save(tmp_path / "bomb.png")

    with pytest.raises(RefusedError, match="more than 64 million pixels"):
        reader((3, 2, 2)).read(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    ("shape", "preprocessing", "message"),
    [
        ((1, 8, 8), {}, "has 1 channels with layout NCHW, but colorOrder RGB has 3"),
        ((8, 8, 3), {}, "has 8 channels with layout NCHW"),
        ((3, 8, 8), {"mean": (0.1, 0.2)}, "mean has 2 values; give 1, or one for each of the 3"),
        (
            (3, 8, 8),
            {"resize": {"mode": "shortest-edge", "shortestEdge": 7}},
            "shortestEdge is 7; with mode shortest-edge it must be 8 or more",
        ),
        ((3, 8, 8), {"resize": {"mode": "shortest-edge"}}, "shortestEdge is None"),
    ],
)
def test_contradiction_in_the_spec_is_refused(
    shape: tuple[int, int, int], preprocessing: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=message) as refusal:
        reader(shape, **preprocessing)
    assert refusal.value.reason is Reason.INVALID_SPEC
