"""Changes that keep a label: small, repeatable, and never a flip or a turn."""

import numpy as np
import pytest

from trifocal.optimizer.compression.augmentation import augmented


def _images(shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(3).uniform(-2, 2, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(4, 3, 50, 50), (4, 50, 50, 3), (2, 1, 8, 8), (2, 8, 8, 1)])
def test_shape_and_type_stay(shape: tuple[int, ...]) -> None:
    changed = augmented(_images(shape), np.random.default_rng(0))
    assert changed.shape == shape
    assert changed.dtype == np.float32
    assert changed.flags.c_contiguous


def test_the_same_generator_gives_the_same_images() -> None:
    images = _images((3, 3, 30, 30))
    one, other = (augmented(images, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, augmented(images, np.random.default_rng(8)))


def test_the_given_images_are_not_touched() -> None:
    images = _images((3, 3, 30, 30))
    before = images.copy()
    augmented(images, np.random.default_rng(0))
    assert np.array_equal(images, before)


@pytest.mark.parametrize("last", [False, True])
def test_a_bright_spot_moves_by_at_most_four_per_cent(last: bool) -> None:
    """100 pixels: 4 at most, in both layouts, in every one of 64 images, and some do move."""
    images = np.zeros((64, 1, 100, 100), np.float32)
    images[:, 0, 50, 30] = 1000.0
    given = images.transpose(0, 2, 3, 1) if last else images
    changed = augmented(given, np.random.default_rng(0))
    planes = changed.transpose(0, 3, 1, 2) if last else changed
    places = [np.unravel_index(plane.argmax(), (100, 100)) for plane in planes[:, 0]]
    moved = np.abs(np.array(places) - (50, 30))
    assert moved.max() == 4
    assert 0 < moved.mean() < 4


def test_an_image_stays_like_itself_and_unlike_its_mirror() -> None:
    images = _images((8, 3, 16, 16))  # too small to be shifted
    changed = augmented(images, np.random.default_rng(0))
    for before, after in zip(images, changed, strict=True):
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
        assert abs(np.corrcoef(before[:, :, ::-1].ravel(), after.ravel())[0, 1]) < 0.2
