"""Quantization-aware training: the network learns while its values are rounded as in 8 bits."""

import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.fx import GraphModule
from torchao.quantization.pt2e import (
    FakeQuantize,
    allow_exported_model_train_eval,
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
)

from trifocal.optimizer.compression.fine_tuning import Course, Report, fine_tune
from trifocal.optimizer.compression.objective import objective
from trifocal.optimizer.compression.pictures import Pictures, divide
from trifocal.optimizer.compression.qat_graph import (
    captured,
    converted,
    prepared,
    quantized_share,
)
from trifocal.optimizer.compression.qat_integers import integers
from trifocal.optimizer.compression.qat_onnx import write_onnx
from trifocal.optimizer.compression.qat_scheme import Scheme
from trifocal.optimizer.compression.teacher import Teacher
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import BuildError, Product
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.torch_graph.parity import answers
from trifocal.optimizer.training import Lesson

PROBE = 256
"""Images that set the first ranges, and by which kind and range of the answers are told."""
WARM_UP_BATCH = 32
RANGES_FROZEN_AFTER = 0.7
"""Share of the training after which ranges stay: the rest adapts to the very scales that ship."""
COMPARED = 256
"""Images on which the exported file is compared with the network that was trained."""
MIN_AGREEMENT = 0.95
"""Runtimes round halves and sums in their own ways, so that close calls may differ."""


def qat_onnx(  # noqa: PLR0913 - each is the user's or the target's choice
    model: ImportedModel,
    lesson: Lesson,
    folder: Path,
    report: Report,
    *,
    symmetric: bool = False,
    per_channel: bool = True,
    weight_bits: Literal[7, 8] = 8,
) -> Product:
    """Train a network with rounded values, and write it as ONNX with int8 weights.

    The file takes any batch, its activations are uint8 for ONNX Runtime, or with `symmetric` int8
    around zero for TensorRT. `weight_bits` 7 is for x86 without VNNI.

    Raises:
        BuildError: The network cannot be captured, rounded, trained or exported.
        WorkError: The training data are unreadable.
    """
    example = np.stack([lesson.data.read(path) for path in lesson.data.images[:2]])
    module = to_torch(model.path, model.output, example)
    scheme = Scheme(
        ranges="trained", symmetric=symmetric, per_channel=per_channel, weight_bits=weight_bits
    )
    graph, notes = quantization_aware(module, model, lesson, scheme, report)
    report(0.95, "exporting to ONNX")
    path = folder / f"int8-qat{'-symmetric' if symmetric else ''}.onnx"
    write_onnx(graph, model, path, unsigned=not symmetric)
    images = np.stack([lesson.data.read(image) for image in lesson.data.images[:COMPARED]])
    agreement = _agreement(graph, path, model.output, images)
    if agreement < MIN_AGREEMENT:
        raise BuildError(
            f"The exported network answers like the trained one on only {agreement:.0%} of "
            f"{len(images)} images; leave int8-qat out of spec.optimization.precisions."
        )
    rounded, computing = quantized_share(graph)
    report(1.0, "exported")
    return Product(
        path=path,
        notes=(*notes, *_kept_float(rounded, computing)),
        facts={
            "quantizedOperators": rounded,
            "operators": computing,
            "agreementWithTorch": agreement,
            **integers(path),
        },
    )


def quantization_aware(
    module: nn.Module, model: ImportedModel, lesson: Lesson, scheme: Scheme, report: Report
) -> tuple[GraphModule, tuple[str, ...]]:
    """A converted graph of the network, trained with rounded values, and notes on the training.

    Raises:
        BuildError: torch.export refuses the network, nothing in it can be rounded, or the
            training diverges.
        WorkError: The training data are unreadable.
    """
    report(0.0, "capturing the graph")
    pictures = Pictures(lesson.data)
    probe = pictures.batch(np.arange(min(PROBE, len(lesson.data.images))))
    graph = prepared(captured(module, torch.from_numpy(probe[:2]), any_batch=True), scheme)
    _require_rounding(graph)
    allow_exported_model_train_eval(graph)
    _warm_up(graph, probe)
    course = _course(model, graph, lesson, pictures, probe)
    trained = fine_tune(
        graph,
        course,
        lambda share, detail: report(0.1 + 0.8 * share, detail),
        _Freeze(graph, lesson).step,
    )
    told = f"Trained with rounded values; of {trained.epochs} epochs the best was number "
    return converted(graph), (f"{told}{trained.best}: {trained.score} of {trained.held_out}.",)


def _require_rounding(graph: GraphModule) -> None:
    if not any(isinstance(part, FakeQuantize) for part in graph.modules()):
        raise BuildError(
            "No operator of this network is one that is computed in 8-bit integers; leave "
            "int8-qat out of spec.optimization.precisions."
        )


def _warm_up(graph: GraphModule, probe: NDArray[np.float32]) -> None:
    """Show images to the observers before anything is rounded: training starts calibrated."""
    graph.eval()
    graph.apply(disable_fake_quant)
    with torch.no_grad():
        for at in range(0, len(probe), WARM_UP_BATCH):
            graph(torch.from_numpy(probe[at : at + WARM_UP_BATCH]))
    graph.apply(enable_fake_quant)


def _course(
    model: ImportedModel,
    graph: GraphModule,
    lesson: Lesson,
    pictures: Pictures,
    probe: NDArray[np.float32],
) -> Course:
    fixed = model.fixed_batch if lesson.teacher == model.path else None
    teacher = Teacher(lesson.teacher, model.output, fixed)
    with torch.no_grad():
        student = graph(torch.from_numpy(probe))
    return Course(
        pictures=pictures,
        count=len(lesson.data.images),
        teacher=teacher,
        objective=objective(
            student,
            teacher.answers(probe),
            lesson.distillation,
            labels=student.shape[-1],
            labelled=lesson.data.truths is not None,
        ),
        tuning=lesson.fine_tuning,
    )


class _Freeze:
    """Ends the search for ranges late in the training."""

    def __init__(self, graph: GraphModule, lesson: Lesson) -> None:
        tuning = lesson.fine_tuning
        learned, _ = divide(len(lesson.data.images), tuning.seed)
        steps = tuning.epochs * math.ceil(len(learned) / tuning.batch_size)
        self._graph = graph
        self._left = math.ceil(steps * RANGES_FROZEN_AFTER)

    def step(self) -> None:
        """Called after each step of the training."""
        self._left -= 1
        if self._left == 0:
            self._graph.apply(disable_observer)


def _agreement(graph: GraphModule, path: Path, output: str, images: NDArray[np.float32]) -> float:
    """How far the file answers as the graph that it was written from, 1 for entirely.

    The share of images of one class where answers are [batch, classes]; for boxes and maps one
    minus the mean difference, as a share of the answers' range.
    """
    with torch.no_grad():
        ours = graph(torch.from_numpy(images)).numpy()
    found = answers(path, output, images)
    if ours.ndim == 2:  # noqa: PLR2004 - [batch, classes]
        return float(np.mean(ours.argmax(1) == found.argmax(1)))
    return 1 - float(np.abs(ours - found).mean() / max(np.ptp(ours), 1e-6))


def _kept_float(rounded: int, computing: int) -> tuple[str, ...]:
    if rounded == computing:
        return ()
    return (
        f"{computing - rounded} of {computing} convolutions and matrix products stay in float.",
    )
