"""Boxes and masks lie where preprocessing puts the pixels they speak of."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.vision_models import vision_model
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.tasks.placement import placement

RESIZES: dict[str, dict[str, Any]] = {
    "stretch": {"mode": "stretch", "interpolation": "nearest"},
    "letterbox": {"mode": "letterbox", "interpolation": "nearest"},
    "shortest-edge": {"mode": "shortest-edge", "shortestEdge": 64, "interpolation": "nearest"},
}


@pytest.mark.parametrize("mode", RESIZES)
@given(width=st.integers(40, 200), height=st.integers(40, 200))
def test_masks_are_resized_as_the_pixels_are(mode: str, width: int, height: int) -> None:
    """An image that is its own mask: value 1 to 200, 0 where letterboxing pads with black."""
    model = vision_model("segmentation", ["a", "b"], size=(48, 64), resize=RESIZES[mode], scale=1.0)
    pixels = (np.arange(width * height).reshape(height, width) % 200 + 1).astype(np.uint8)
    image = Image.fromarray(pixels)

    expected = image_reader(model).tensor(image)[0]

    assert np.array_equal(placement(image.size, model).mask_in_input(image, 0), expected)


@pytest.mark.parametrize(
    ("mode", "box_in_input"),
    [
        # 200 x 100 in 64 x 48: scaled by 0.32 and 0.48.
        ("stretch", [32, 24, 48, 36]),
        # By 0.32: 64 x 32, 8 rows of padding above.
        ("letterbox", [32, 24, 48, 32]),
        # By 0.64: 128 x 64, 32 columns and 8 rows cut off before.
        ("shortest-edge", [32, 24, 64, 40]),
    ],
)
def test_boxes_return_to_the_image(mode: str, box_in_input: list[int]) -> None:
    """The box from the middle of the image, (100, 50), to (150, 75), computed by hand."""
    model = vision_model("segmentation", ["a", "b"], size=(48, 64), resize=RESIZES[mode])

    found = placement((200, 100), model).boxes_in_image(np.array([box_in_input], np.float64))

    assert found == pytest.approx(np.array([[100, 50, 150, 75]]))


def test_boxes_end_at_the_images_edge() -> None:
    model = vision_model("segmentation", ["a", "b"], size=(64, 64), resize=RESIZES["letterbox"])

    found = placement((100, 50), model).boxes_in_image(np.array([[-9.0, 0.0, 99.0, 64.0]]))

    assert found.tolist() == [[0, 0, 100, 50]]
