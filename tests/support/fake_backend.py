"""A runtime that only copies the ONNX file it is given, and notes what it was asked for."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import override

from trifocal.api.techniques import Precision
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import Backend, ModelRunError, Order, Product, Runner
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner


class TickingClock:
    """50 ms pass between two looks: so slow that everything is measured the fewest times."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        self._seconds += 0.05
        return self._seconds


@dataclass
class CopyingBackend(Backend):
    """Its candidates are the model itself; `padding` makes files larger."""

    end: str = ".onnx"
    error: BaseException | None = None
    """Raised instead of building."""
    refused: bool = False
    """Whether files cannot be loaded."""
    padding: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    release: str = "copier 1"
    offered: frozenset[Precision] = frozenset({"fp32", "fp16", "int8"})
    built: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    @property
    @override
    def precisions(self) -> frozenset[Precision]:
        return self.offered

    @property
    @override
    def suffix(self) -> str:
        return self.end

    @override
    def version(self) -> str:
        return self.release

    @override
    def build(self, order: Order, target: Path) -> Product:
        self.built.append(order.recipe.name)
        self.orders.append(order)
        if self.error is not None:
            raise self.error
        shutil.copyfile(order.model.path, target)
        if self.padding:
            # An unknown field, which readers of protobuf skip: tag 1999, length-delimited.
            body = b"\0" * self.padding
            size = bytes([self.padding & 0x7F | 0x80, self.padding >> 7])
            with target.open("ab") as stream:
                stream.write(b"\xfa\x7c" + size + body)
        return Product(path=target, notes=("copied.",), facts=self.facts)

    @override
    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        if self.refused:
            raise ModelRunError("no kernel")
        return OnnxRunner(path, model.output, threads=threads)
