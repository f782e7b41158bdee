"""The source model's own answers, by the recipe of the package that ships it.

Independent of Trifocal's optimizer on purpose: it shows that the pages and the manifest's
preprocessing are right before anything is optimized.
"""

import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from page_orientation.dataset import TURNS, Page

SHORTEST_EDGE = 256
CROP = 224
MEAN = np.array((0.485, 0.456, 0.406), dtype=np.float32)
STD = np.array((0.229, 0.224, 0.225), dtype=np.float32)


def tensor(jpeg: bytes) -> NDArray[Any]:
    """[1, 3, 224, 224] float32: shortest edge 256, centre crop 224, BGR, mean and std."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    factor = SHORTEST_EDGE / min(image.size)
    width, height = (round(edge * factor) for edge in image.size)
    # The package resamples with OpenCV's Lanczos; bicubic is the nearest that the API has.
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - CROP) // 2, (height - CROP) // 2
    image = image.crop((left, top, left + CROP, top + CROP))
    bgr = np.asarray(image, dtype=np.float32)[..., ::-1] / 255
    return ((bgr - MEAN) / STD).transpose(2, 0, 1)[None]


def misread(model: Path, images: Iterable[tuple[Page, bytes]]) -> Counter[str]:
    """How many pages of each recipe the model gets wrong."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    wrong: Counter[str] = Counter()
    for page, jpeg in images:
        (scores,) = session.run(None, {"x": tensor(jpeg)})
        wrong[page.recipe.name] += TURNS[int(np.argmax(scores))] != page.turn
    return wrong
