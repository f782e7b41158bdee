"""The smoke inference: does this pod give the answers that the gate recorded? The only I/O here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trifocal.triton.tensor import Tensor


class RecordedValue(Protocol):
    """One value of the answer; `trifocal.optimizer.contract.RecordedValue` is one."""

    @property
    def index(self) -> int:
        """Flat index into the first output."""

    @property
    def value(self) -> float:
        """What the gate recorded there."""


class Recording(Protocol):
    """The recorded answer; `trifocal.optimizer.contract.Smoke` is one."""

    @property
    def seed(self) -> int:
        """Seed of `smoke_input`."""

    @property
    def values(self) -> Sequence[RecordedValue]:
        """Values of the first output."""

    @property
    def tolerance(self) -> float:
        """Largest absolute difference that counts as the same answer."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What the pod must be and say."""

    model: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    recording: Recording


@dataclass(frozen=True)
class SmokePassed:
    """The pod is ready, its tensors are the artifact's, and its answer is the recorded one."""


@dataclass(frozen=True)
class SmokeDiffers:
    """The pod serves something else; asking again cannot help."""

    message: str
    """What differs, as a sentence."""


@dataclass(frozen=True)
class SmokeUnreachable:
    """No answer in time; asking again may help."""

    message: str
    """What was tried and what happened, as a sentence."""


SmokeVerdict = SmokePassed | SmokeDiffers | SmokeUnreachable


async def smoke_test(
    address: str, expectation: Expectation, *, timeout_seconds: float = 10.0
) -> SmokeVerdict:
    """Ask the pod at `address` (IP:port of its HTTP endpoint); never raises for network trouble."""
    raise NotImplementedError
