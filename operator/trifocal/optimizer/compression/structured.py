"""Structured pruning: whole channels go, with everything in other layers that reads them.

Which layers hang together is found by Torch-Pruning (DepGraph, Fang et al. 2023). Its graph can
be wrong where channels are split or reshaped, so each group is tried, and put back when the
network no longer runs.
"""

import copy
import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.counting import weighted_layers

ROUND_TO = 8
"""Channels are kept in eights: vector units work on that many at a time, and Torch-Pruning's own
measurements show odd counts to be slower than none removed."""
_ROOTS = [nn.modules.conv._ConvNd, nn.Linear]  # noqa: SLF001 - the class of all convolutions


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """A network with fewer channels, untrained since."""

    module: nn.Module
    pruned: int
    """Groups of layers that lost channels."""
    skipped: tuple[str, ...]
    """First layers of groups that could not lose any."""


def prune_channels(module: nn.Module, example: torch.Tensor, ratio: float) -> Narrowed:
    """A copy without the `ratio` of channels that have the smallest weights, group by group.

    The layers that make the answers keep their outputs.

    Raises:
        BuildError: No group can be pruned.
    """
    narrowed = copy.deepcopy(module).eval()
    expected = _shape(narrowed, example)
    graph = _dependencies(narrowed, example)
    kept = _answering_layers(narrowed)
    names = {layer: name for name, layer in narrowed.named_modules()}
    pruned, skipped = 0, []
    for group in graph.get_all_groups(ignored_layers=kept, root_module_types=_ROOTS):
        try:
            indices = _least(group, ratio)
        except (IndexError, RuntimeError):  # where the graph counts channels that are not there
            skipped.append(names.get(group[0].dep.target.module, "?"))
            continue
        if not indices:
            continue
        if _removed(graph, group, indices, lambda: _shape(narrowed, example) == expected):
            pruned += 1
        else:
            skipped.append(names.get(group[0].dep.target.module, "?"))
    if not pruned:
        raise BuildError(
            f"none of its layers can lose {ratio:.0%} of their channels: they have {ROUND_TO} or "
            f"fewer, or are split and reshaped; prune by magnitude, or distil a smaller network"
        )
    return Narrowed(module=narrowed, pruned=pruned, skipped=tuple(skipped))


def _dependencies(module: nn.Module, example: torch.Tensor) -> Any:
    import torch_pruning  # noqa: PLC0415 - heavy

    for parameter in module.parameters():
        parameter.requires_grad_()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch_pruning.DependencyGraph().build_dependency(module, example_inputs=example)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:200]
        raise BuildError(
            f"the network's layers cannot be followed for pruning: {type(error).__name__} {line}; "
            f"prune by magnitude, or distil a smaller network"
        ) from error


def _answering_layers(module: nn.Module) -> list[nn.Module]:
    """The last layer with weights on each way to the output."""
    if not isinstance(module, fx.GraphModule):
        return weighted_layers(module)[-1:]
    layers = dict(module.named_modules())
    weighted = set(weighted_layers(module))
    pending = [node for node in module.graph.nodes if node.op == "output"]
    seen: set[fx.Node] = set()
    found: list[nn.Module] = []
    while pending:
        node = pending.pop()
        layer = layers.get(str(node.target)) if node.op == "call_module" else None
        if layer is not None and layer in weighted:
            found.append(layer)
            continue
        fresh = [it for it in node.all_input_nodes if it not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return found


def _least(group: Any, ratio: float) -> list[int]:
    """Channels with the smallest norm over all layers of the group; grouped layers lose evenly."""
    import torch_pruning  # noqa: PLC0415 - heavy

    norms = torch_pruning.importance.GroupMagnitudeImportance(p=2)(group)
    if norms is None:
        return []
    parts = max((_channel_groups(dep) for dep, _ in group), default=1)
    size = len(norms) // parts
    keep = _kept(size, ratio, ROUND_TO if parts == 1 else 1)
    order = norms.view(parts, size).mean(0).argsort(stable=True)
    chosen = order[: size - keep].tolist()
    return sorted(part * size + channel for part in range(parts) for channel in chosen)


def _kept(size: int, ratio: float, multiple: int) -> int:
    """Channels that stay: the nearest multiple, and at least one; halves go up."""
    wanted = size * (1 - ratio)
    return min(size, max(multiple, multiple * math.floor(wanted / multiple + 0.5)))


def _channel_groups(dep: Any) -> int:
    layer = dep.target.module
    groups = getattr(layer, "groups", 1) or 1
    if isinstance(layer, nn.GroupNorm):
        return int(layer.num_groups)
    # Depthwise: each channel is its own group and goes with it.
    return 1 if groups == getattr(layer, "out_channels", None) else int(groups)


def _removed(graph: Any, group: Any, indices: list[int], runs: Any) -> bool:
    """Whether the channels are gone and the network still runs; else all is as it was."""
    root = group[0].dep
    layers = {dep.target.module for dep, _ in group} | {root.target.module}
    before = {layer: _state(layer) for layer in layers if isinstance(layer, nn.Module)}
    try:
        chosen = graph.get_pruning_group(root.target.module, root.handler, indices)
        before |= {
            dep.target.module: _state(dep.target.module)
            for dep, _ in chosen
            if isinstance(dep.target.module, nn.Module) and dep.target.module not in before
        }
        if graph.check_pruning_group(chosen):
            chosen.prune()
            if runs():
                return True
    except Exception:  # noqa: BLE001, S110 - Torch-Pruning and the broken network raise anything
        pass
    for layer, state in before.items():
        layer.__dict__.clear()
        layer.__dict__.update(state)
    return False


def _state(layer: nn.Module) -> dict[str, Any]:
    """Enough to undo pruning, which replaces tensors and never writes into them."""
    own = dict(vars(layer))
    return {**own, "_parameters": dict(own["_parameters"]), "_buffers": dict(own["_buffers"])}


def _shape(module: nn.Module, example: torch.Tensor) -> torch.Size:
    with torch.no_grad():
        answer: torch.Tensor = module(example)
    return answer.shape
