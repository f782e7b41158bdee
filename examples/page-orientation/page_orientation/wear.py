"""What paper and a camera do to a page: ink and paper colour, skew, shading, blur and noise."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from page_orientation.words import chance

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Wear:
    """The strength of each effect on one page."""

    ink: Colour
    paper: Colour
    skew_degrees: float
    shade: float
    """Brightness lost from one edge to the other, from 0 to 1."""
    blur_pixels: float
    noise: float
    """Standard deviation in grey levels of 255."""


def draw_wear(rng: random.Random) -> Wear:
    """A page as a phone or an office scanner might see it."""
    light = rng.randint(200, 255)
    dark = rng.randint(0, 80)
    return Wear(
        ink=_tint(rng, dark, 20),
        paper=_tint(rng, light, 14),
        skew_degrees=rng.gauss(0, 1.5),
        shade=rng.choice((0.0, 0.0, 0.12, 0.25)),
        blur_pixels=rng.choice((0.0, 0.4, 0.8, 1.2)),
        noise=rng.choice((0.0, 3.0, 8.0, 16.0)),
    )


def apply_wear(page: Image.Image, wear: Wear, rng: random.Random) -> Image.Image:
    """The grey page in colour, worn."""
    skewed = page.rotate(wear.skew_degrees, resample=Image.Resampling.BICUBIC, fillcolor=255)
    soft = skewed.filter(ImageFilter.GaussianBlur(wear.blur_pixels))
    grey = np.asarray(soft, dtype=np.float32)[..., None] / 255
    ink, paper = (np.array(c, dtype=np.float32) for c in (wear.ink, wear.paper))
    pixels = ink + grey * (paper - ink)
    pixels *= _shading(pixels.shape, wear.shade, vertical=chance(rng, 0.5))
    noise = np.random.default_rng(rng.getrandbits(64)).standard_normal(
        pixels.shape[:2], dtype=np.float32
    )
    pixels += noise[..., None] * wear.noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def _shading(shape: tuple[int, ...], strength: float, *, vertical: bool) -> NDArray[Any]:
    height, width = shape[:2]
    ramp = np.linspace(1.0, 1.0 - strength, height if vertical else width, dtype=np.float32)
    return ramp[:, None, None] if vertical else ramp[None, :, None]


def _tint(rng: random.Random, level: int, spread: int) -> Colour:
    red, green, blue = (min(255, max(0, level + rng.randint(-spread, spread))) for _ in range(3))
    return red, green, blue
