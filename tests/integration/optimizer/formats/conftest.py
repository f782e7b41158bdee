"""Frameworks whose import warns of what only their developers can change."""

import logging
import warnings

import pytest

from trifocal.optimizer.formats.tensorflow_export import use_tensorflow


@pytest.fixture(scope="session", autouse=True)
def _frameworks() -> None:
    use_tensorflow()
    logging.getLogger("absl").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        import keras  # noqa: F401, PLC0415 - heavy
        import tf2onnx.convert  # noqa: F401, PLC0415 - heavy
        import torch  # noqa: F401, PLC0415 - heavy
