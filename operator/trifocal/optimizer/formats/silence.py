"""Silences what frameworks tell their own developers while a model is read or exported."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

_CATEGORIES = (DeprecationWarning, FutureWarning, UserWarning)


@contextlib.contextmanager
def silenced(*loggers: str) -> Iterator[None]:
    """Without the loggers' messages and without warnings; errors still arrive as exceptions."""
    before = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            for category in _CATEGORIES:
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
