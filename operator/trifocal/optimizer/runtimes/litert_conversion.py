"""From ONNX to a .tflite file in float32, by way of PyTorch and litert-torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from trifocal.optimizer.formats.silence import silenced
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.elementary import elementary
from trifocal.optimizer.torch_graph.from_onnx import to_torch


def convert(model: ImportedModel) -> bytes:
    """The model's file in float32, for one image or as many as the graph fixes.

    Raises:
        BuildError: An operator has no form in PyTorch or LiteRT.
    """
    shape = (model.fixed_batch or 1, *model.input_shape)
    example = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    module = elementary(to_torch(model.path, model.output, example))
    with quiet(), TemporaryDirectory() as folder:
        import litert_torch  # noqa: PLC0415 - seconds, and chatty

        target = Path(folder) / "model.tflite"
        try:
            litert_torch.convert(module, (torch.from_numpy(example),)).export(str(target))
        except (OSError, MemoryError):
            raise
        except Exception as error:  # converters raise whatever they met in the graph
            line = (str(error).strip().splitlines() or [""])[0][:300]
            raise BuildError(
                f"LiteRT cannot express the network ({type(error).__name__}: {line}); replace the "
                f"operator, or remove the target litert."
            ) from error
        return target.read_bytes()


@contextmanager
def quiet() -> Iterator[None]:
    """Without what litert-torch prints, and what it and JAX warn their own developers of."""
    before = os.environ.get("LITERT_TORCH_SHOW_PROGRESS")
    os.environ["LITERT_TORCH_SHOW_PROGRESS"] = "n"
    try:
        with silenced():
            yield
    finally:
        if before is None:
            del os.environ["LITERT_TORCH_SHOW_PROGRESS"]
        else:
            os.environ["LITERT_TORCH_SHOW_PROGRESS"] = before
