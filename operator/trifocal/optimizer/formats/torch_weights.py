"""Format torch-weights: a safetensors file, and the architecture that its tensors belong to.

Trust: safetensors is a JSON header and raw numbers; its reader checks offsets against the file's
size and runs nothing. The architecture's code comes from the optimizer image.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.architecture import build
from trifocal.optimizer.formats.opened import first_line
from trifocal.optimizer.formats.torch_network import TorchNetwork

_SHOWN = 3
"""Names in a message; the counts say the rest."""
_WRAPPER = "module."
"""Prefix of every name that torch.nn.DataParallel wrote."""
_COUNTER = "num_batches_tracked"
"""Of a BatchNorm: used in training only, and missing in files of before 2018."""


def open_weights(path: Path, spec: ModelSpec) -> TorchNetwork:
    """The spec's architecture with the file's weights.

    Raises:
        RefusedError: ModelInvalid: the file is damaged, or has other tensors than the network;
            InvalidSpec: no such network.
    """
    if spec.architecture is None:
        raise RefusedError(
            Reason.INVALID_SPEC,
            "spec.model.architecture is not set, and format torch-weights needs the name of the "
            "network that the weights are of.",
        )
    found, notes = _read(path)
    network = build(spec.architecture, len(spec.labels))
    wanted = network.state_dict()
    for name in wanted.keys() - found.keys():
        if name.endswith(_COUNTER):
            found[name] = wanted[name]
    _check_match(wanted, found, spec)
    network.load_state_dict(found)
    return TorchNetwork(network, spec, notes=notes)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    from safetensors import SafetensorError  # noqa: PLC0415 - compiled
    from safetensors.torch import load_file  # noqa: PLC0415 - compiled

    try:
        tensors = dict(load_file(path))
    except (SafetensorError, ValueError, KeyError) as error:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The source model is no whole safetensors file ({first_line(error)}); save it again "
            f"with safetensors.torch.save_file.",
        ) from error
    if tensors and all(name.startswith(_WRAPPER) for name in tensors):
        note = "Weight names began with 'module.', as DataParallel writes them; it was taken off."
        return {name[len(_WRAPPER) :]: it for name, it in tensors.items()}, (note,)
    return tensors, ()


def _check_match(
    wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], spec: ModelSpec
) -> None:
    shapes = [
        f"{name} {list(found[name].shape)} instead of {list(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    problems = [
        _listed("missing", [name for name in wanted if name not in found]),
        _listed("unexpected", [name for name in found if name not in wanted]),
        _listed("of another shape", shapes),
    ]
    told = [problem for problem in problems if problem]
    if told and spec.architecture is not None:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The weights do not fit {spec.architecture.library} '{spec.architecture.name}' with "
            f"{len(spec.labels)} classes: {'; '.join(told)}. Correct spec.model.architecture or "
            f"the labels, whose number is the number of classes.",
        )


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{more})"
