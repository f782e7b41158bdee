"""What load to give: a target, connections, and either a rate or back-to-back requests."""

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["http", "grpc"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A model behind a Triton server, and the tensor to send."""

    url: str
    """host:port, without a scheme."""
    protocol: Protocol
    model: str
    input: str
    shape: tuple[int, ...]
    """Of one float32 input, without its batch dimension; requests are batches of one."""


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """How to load it."""

    target: Target
    connections: int
    """Each has at most one request under way."""
    rate: float | None = None
    """Requests per second of all connections together; None means as fast as answers come.

    Latency counts from when a request was due, not from when a connection was free to send it:
    otherwise a slow server would be asked less often just when it is slow, and look better.
    """
    request_timeout_seconds: float = 30.0
    """A longer wait is a failure."""
