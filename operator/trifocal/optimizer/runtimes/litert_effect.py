"""Did the quantizer do anything? It says nothing when it finds no operator that it can round."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from trifocal.api.techniques import Precision
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError
from trifocal.optimizer.runtimes.litert_runner import LiteRTRunner, interpreter

_NARROW: Mapping[Precision, str] = {
    "fp16": "float16",
    "int8": "int8",
    "int8-dynamic": "int8",
    "int8-weights": "int8",
    "int16": "int16",
}


def checked_effect(whole: bytes, small: bytes, precision: Precision) -> dict[str, Any]:
    """Figures of what changed: bytes, and tensors by their type.

    Raises:
        BuildError: No tensor became narrower, the answers are the same to the last bit in a file
            of the same size, they are not finite, or LiteRT cannot run the file.
    """
    types = _types(small)
    narrow = types[_NARROW[precision]] - _types(whole)[_NARROW[precision]]
    if narrow <= 0:
        raise _nothing(precision, "no tensor has fewer bits than before")
    try:
        before, after = (_answer(content) for content in (whole, small))
    except ModelRunError as error:
        raise BuildError(f"LiteRT cannot run its own {precision} file: {error}.") from error
    if not np.isfinite(after).all():
        raise BuildError(
            f"The {precision} file answers NaN or infinity; remove the precision, or calibrate "
            f"with images like those that it will see."
        )
    if len(small) >= len(whole) and np.array_equal(before, after):
        raise _nothing(precision, "the file is as large as before, and its answers are the same")
    return {
        "bytes": len(small),
        "floatBytes": len(whole),
        "tensorsByType": dict(sorted(types.items())),
    }


def _types(content: bytes) -> Counter[str]:
    details = interpreter(content, threads=1).get_tensor_details()
    return Counter(np.dtype(tensor["dtype"]).name for tensor in details)


def _answer(content: bytes) -> Any:
    runner = LiteRTRunner(content, threads=1)
    return runner.run(np.random.default_rng(0).uniform(0, 1, runner.input_shape).astype(np.float32))


def _nothing(precision: Precision, sign: str) -> BuildError:
    return BuildError(
        f"LiteRT's quantizer did nothing for {precision}: {sign}. Remove the precision; its "
        f"operators have no such form."
    )
