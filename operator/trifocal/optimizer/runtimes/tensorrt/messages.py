"""What TensorRT logs while it works. Where it fails it returns None; the reason is only here."""

from collections import deque
from dataclasses import dataclass, field
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


def logger(trt: Module, messages: Messages) -> Any:
    """An `ILogger` that fills `messages`."""

    class Listener(trt.ILogger):  # type: ignore[name-defined,misc] # the class is injected
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            messages.add(severity.name, msg)

    return Listener()
