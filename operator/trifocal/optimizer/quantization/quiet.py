"""Keeps other libraries' chatter out of the Job's log."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """ONNX Runtime's calibrators print to stdout, and its logger tells of what is raised anyway.

    Its converter to float16 warns once for each weight that float16 rounds to zero or cuts off;
    the gate judges what comes of it.
    """
    previous = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
