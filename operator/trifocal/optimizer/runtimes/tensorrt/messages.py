"""What TensorRT logs while it works. Where it fails it returns None; the reason is only here."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from trifocal.optimizer.runtimes.tensorrt.api import Module

_KEPT = 1000
"""Messages at most: a build that tries kernel after kernel may warn for each."""
_ERRORS = frozenset({"INTERNAL_ERROR", "ERROR"})


@dataclass(kw_only=True)
class Messages:
    """Errors and warnings, oldest first."""

    errors: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT))
    warnings: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, severity: str, text: str) -> None:
        """Keep a message; `severity` is TensorRT's name for it, and what is milder is dropped."""
        if severity in _ERRORS:
            self.errors.append(text)
        elif severity == "WARNING":
            self.warnings.append(text)


@contextmanager
def heard(trt: Module, messages: Messages) -> Iterator[Any]:
    """Fill `messages` with what is logged meanwhile; gives the `ILogger` that everything takes.

    Where several listen at once, each hears all: TensorRT does not say what a message is about.
    """
    listener = _listener(trt)  # type: ignore[arg-type] # a module has a hash
    listener.ears.append(messages)
    try:
        yield listener
    finally:
        listener.ears = [ear for ear in listener.ears if ear is not messages]


@cache
def _listener(trt: Module) -> Any:
    """One for the whole process, which is never freed.

    TensorRT keeps one logger for as long as any builder or runtime lives: another one is ignored
    with a warning, so the reasons of a failure would be told to whoever came first.
    """

    class Listener(trt.ILogger):  # type: ignore[name-defined,misc] # the class is injected
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.ears: list[Messages] = []

        def log(self, severity: Any, msg: str) -> None:
            for ear in self.ears:
                ear.add(severity.name, msg)

    return Listener()
