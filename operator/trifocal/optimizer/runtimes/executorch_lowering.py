"""From a torch graph to an ExecuTorch program whose work XNNPACK does."""

from dataclasses import dataclass

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.devtools.backend_debug import get_delegation_info
from executorch.exir import EdgeProgramManager, to_edge_transform_and_lower
from torch import nn

from trifocal.optimizer.compression.qat_graph import exported, quiet
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.runtimes.executorch_runner import missing_operators

_PLUMBING = frozenset({"getitem", "executorch_call_delegate"})
"""Nodes that hand values over and compute nothing."""


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """A program, and who computes it."""

    program: bytes
    delegated: int
    """Operators that XNNPACK computes."""
    left: tuple[str, ...]
    """Names of the others, which ExecuTorch's own slow kernels compute."""

    @property
    def share(self) -> float:
        """Of operators that XNNPACK computes."""
        return self.delegated / max(self.delegated + len(self.left), 1)


def lower(module: nn.Module, example: torch.Tensor) -> Lowered:
    """Compile a network for batches of the example's size.

    Raises:
        BuildError: ExecuTorch lacks an operator, or refuses the graph.
    """
    program = exported(module, example, any_batch=False)
    try:
        with quiet():
            edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            delegated, left = _delegation(edge)
            executable = edge.to_executorch()
    except Exception as error:  # its passes raise errors of many kinds, and plain Exception
        text = " ".join(str(error).split()).partition(" (http")[0] or type(error).__name__
        raise BuildError(
            f"ExecuTorch cannot compile the network: {text[:200].rstrip('.')}. Replace this "
            f"operator, or leave the target executorch out."
        ) from error
    nodes = executable.exported_program().graph_module.graph.nodes
    missing = missing_operators(
        frozenset(
            f"{node.target._schema.name}.{node.target._overloadname}"  # noqa: SLF001 - no other way
            for node in nodes
            if isinstance(node.target, torch._ops.OpOverload)  # noqa: SLF001 - public by use
        )
    )
    if missing:
        raise BuildError(
            f"ExecuTorch's runtime has no kernel for {', '.join(missing[:5])}, which XNNPACK does "
            f"not compute either. Replace the operator, or leave the target executorch out."
        )
    return Lowered(program=bytes(executable.buffer), delegated=delegated, left=left)


def _delegation(edge: EdgeProgramManager) -> tuple[int, tuple[str, ...]]:
    info = get_delegation_info(edge.exported_program().graph_module)
    left = [
        node.name
        for node in edge.exported_program().graph_module.graph.nodes
        if node.op == "call_function" and not any(node.name.startswith(p) for p in _PLUMBING)
    ]
    return info.num_delegated_nodes, tuple(left)
