"""Text: PP-OCRv4 marks the pixels of text; pages are rendered, so the masks are known."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.optimization.packages import RAPIDOCR, read_member
from benchmarks.optimization.zoo.model import Picture, ZooModel, spec, write_archive
from benchmarks.optimization.zoo.photographs import crops

SIDE = 320
WORDS = [
    "invoice",
    "total",
    "amount",
    "due",
    "customer",
    "address",
    "delivery",
    "order",
    "number",
    "date",
    "quantity",
    "price",
    "signature",
    "account",
    "receipt",
    "payment",
    "balance",
    "thank",
    "you",
    "for",
    "your",
    "business",
]
MARGIN = 0.25
"""Of a line's height by which its mask is smaller on each side, as DB shrinks polygons in training
(Liao et al. 2020, shrink ratio 0.4)."""


def prepare(folder: Path) -> ZooModel:
    """The detector as it is, and rendered pages on paper and on photographs."""
    source = folder / "text.onnx"
    member = "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"
    source.write_bytes(read_member(RAPIDOCR, member))
    evaluation = list(_pages(160, seed=1))
    masks = {
        f"masks/{position:03}.png": _png(mask) for position, (_, mask) in _numbered(evaluation)
    }
    return ZooModel(
        name="text",
        spec=spec(
            source,
            task="segmentation",
            inputs=[{"name": "x", "shape": [3, SIDE, SIDE]}],
            preprocessing={
                "colorOrder": "BGR",
                "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225],
            },
            labels=["background", "text"],
        ),
        source=source,
        evaluation=write_archive(
            folder / "evaluation.tar",
            (
                Picture(
                    name=f"{position:03}.png",
                    image=page,
                    columns={"mask": f"masks/{position:03}.png"},
                )
                for position, (page, _) in _numbered(evaluation)
            ),
            masks,
        ),
        calibration=write_archive(
            folder / "calibration.tar",
            (
                Picture(name=f"{position:03}.png", image=page)
                for position, (page, _) in _numbered(list(_pages(64, seed=2)))
            ),
        ),
        truth="rendered text, masks known",
    )


def _numbered(
    pages: list[tuple[Image.Image, Image.Image]],
) -> Iterator[tuple[int, tuple[Image.Image, Image.Image]]]:
    return iter(enumerate(pages))


def _pages(count: int, seed: int) -> Iterator[tuple[Image.Image, Image.Image]]:
    rng = np.random.default_rng(seed)
    backgrounds = crops(count, seed, SIDE)
    for position in range(count):
        photograph = backgrounds[position].filter(ImageFilter.GaussianBlur(6))
        paper = Image.new("RGB", (SIDE, SIDE), tuple(int(c) for c in rng.integers(215, 256, 3)))
        page = Image.blend(paper, photograph, float(rng.choice([0.0, 0.15, 0.35])))
        mask = Image.new("L", (SIDE, SIDE), 0)
        _write_lines(page, mask, rng)
        noise = rng.normal(0, rng.uniform(0, 8), (SIDE, SIDE, 3))
        pixels = np.clip(np.asarray(page, np.float32) + noise, 0, 255).astype(np.uint8)
        yield Image.fromarray(pixels), mask


def _write_lines(page: Image.Image, mask: Image.Image, rng: np.random.Generator) -> None:
    draw, marks = ImageDraw.Draw(page), ImageDraw.Draw(mask)
    top = int(rng.integers(8, 40))
    while top < SIDE - 40:
        size = int(rng.integers(14, 34))
        font = ImageFont.load_default(size)
        text = " ".join(rng.choice(WORDS, int(rng.integers(1, 4))))
        left = int(rng.integers(4, 80))
        ink = tuple(int(c) for c in rng.integers(0, 90, 3))
        draw.text((left, top), text, ink, font)
        x0, y0, x1, y1 = draw.textbbox((left, top), text, font)
        shrink = (y1 - y0) * MARGIN
        marks.rectangle((x0 + shrink, y0 + shrink, x1 - shrink, y1 - shrink), 1)
        top += int(size * rng.uniform(1.5, 2.4))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
