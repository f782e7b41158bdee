"""Real photographs from scikit-image: faces, other patches, and scenes."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.optimization.packages import SCIKIT_IMAGE, read_member

SCENES = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg")
FACES = 100
"""The first 100 of the subset's 200 patches are faces, the others are not."""


def patches() -> NDArray[np.uint8]:
    """[200, 25, 25] in grey: 100 faces, then 100 patches without a face."""
    content = read_member(SCIKIT_IMAGE, "skimage/data/lfw_subset.npy")
    pixels: NDArray[np.float64] = np.load(io.BytesIO(content), allow_pickle=False)
    return np.asarray((pixels * 255).round(), np.uint8)


def scene(name: str) -> Image.Image:
    """One photograph in colour."""
    return Image.open(io.BytesIO(read_member(SCIKIT_IMAGE, f"skimage/data/{name}"))).convert("RGB")


def crops(count: int, seed: int, side: int) -> list[Image.Image]:
    """Random square parts of the scenes, of random size, scaled to `side` pixels."""
    rng = np.random.default_rng(seed)
    scenes = [scene(name) for name in SCENES]
    found = []
    for _ in range(count):
        picture = scenes[rng.integers(len(scenes))]
        edge = int(rng.integers(min(picture.size) // 3, min(picture.size)))
        left = int(rng.integers(picture.width - edge + 1))
        top = int(rng.integers(picture.height - edge + 1))
        part = picture.crop((left, top, left + edge, top + edge))
        found.append(part.resize((side, side), Image.Resampling.BILINEAR))
    return found
