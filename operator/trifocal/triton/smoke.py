"""The smoke inference: does this pod give the answers that the gate recorded? The only I/O here."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from aiohttp import ClientError
from numpy.typing import NDArray
from tritonclient.http.aio import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from trifocal.triton.smoke_input import made_into
from trifocal.triton.tensor import Tensor, triton_type


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
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            InferenceServerClient(address, conn_timeout=timeout_seconds) as client,
        ):
            return await _verdict(client, expectation)
    except TimeoutError:
        return SmokeUnreachable(
            f"The pod at {address} gave no answer to the smoke inference within "
            f"{timeout_seconds:g} s."
        )
    except (ClientError, OSError) as error:
        return SmokeUnreachable(f"The pod at {address} cannot be reached: {error}.")
    except InferenceServerException as error:
        return _refusal(address, expectation.model, error)
    except (ValueError, LookupError, TypeError) as error:
        # The client library passes on what its parsers raise.
        return SmokeDiffers(f"What answers at {address} is no Triton: {error!r}.")


async def _verdict(client: Any, expectation: Expectation) -> SmokeVerdict:
    model = expectation.model
    if not await client.is_server_ready() or not await client.is_model_ready(model):
        return SmokeUnreachable(f"Triton says that model {model} is not ready.")
    metadata = await client.get_model_metadata(model)
    for side, wanted in (("input", expectation.inputs), ("output", expectation.outputs)):
        served = {t["name"]: (t["datatype"], tuple(t["shape"])) for t in metadata[f"{side}s"]}
        if difference := _tensor_difference(side, wanted, served):
            return SmokeDiffers(f"Model {model} serves other {side}s: {difference}.")
    inputs = made_into(InferInput, expectation.recording.seed, expectation.inputs)
    answer = await client.infer(model, inputs)
    scores = answer.as_numpy(expectation.outputs[0].name)
    if difference := _value_difference(scores, expectation.recording):
        return SmokeDiffers(f"Model {model} does not give the recorded answer: {difference}.")
    return SmokePassed()


def _tensor_difference(
    side: str, wanted: Sequence[Tensor], served: Mapping[str, tuple[str, tuple[int, ...]]]
) -> str | None:
    expected = {tensor.name: (triton_type(tensor), tensor.shape) for tensor in wanted}
    for name in sorted(expected.keys() | served.keys()):
        if name not in served:
            return f"{side} {name} is missing"
        if name not in expected:
            return f"{side} {name} is not the artifact's"
        if expected[name] != served[name]:
            return f"{side} {name} is {_described(served[name])}, not {_described(expected[name])}"
    return None


def _described(tensor: tuple[str, tuple[int, ...]]) -> str:
    return f"{tensor[0]}{list(tensor[1])}"


def _value_difference(answer: NDArray[Any], recording: Recording) -> str | None:
    """The largest one in a sentence; written so that NaN differs from everything."""
    flat = answer.astype(np.float64).ravel()
    worst, worst_text = recording.tolerance, None
    for recorded in recording.values:
        if recorded.index >= len(flat):
            return f"it has {len(flat)} values, and value {recorded.index} was recorded"
        distance = abs(float(flat[recorded.index]) - recorded.value)
        if not distance <= worst:
            worst = distance
            worst_text = (
                f"value {recorded.index} is {flat[recorded.index]:.6g}, recorded was "
                f"{recorded.value:.6g}, and at most {recording.tolerance:g} may lie between"
            )
    return worst_text


def _refusal(address: str, model: str, error: InferenceServerException) -> SmokeVerdict:
    """Triton's own words. 4xx is about the question; anything else may pass."""
    status = str(error.status() or "")
    told = f"The pod at {address} refused the smoke inference of model {model}: {error.message()}"
    return SmokeDiffers(told) if status.startswith("4") else SmokeUnreachable(told)
