"""What the pods' own counters say that an execution took."""

import asyncio
from collections.abc import Iterable

import aiohttp

from trifocal.triton.arguments import METRICS_PORT
from trifocal.triton.exposition import ModelSamples, parse

MICROSECONDS = 1e6
NOTHING = ModelSamples(failure={}, request_quantiles_microseconds={})


async def read(addresses: Iterable[str], model: str) -> list[ModelSamples]:
    """The model's counters in each pod; zeros where it has counted nothing."""
    async with aiohttp.ClientSession() as session:

        async def one(address: str) -> ModelSamples:
            async with session.get(f"http://{address}:{METRICS_PORT}/metrics") as response:
                return parse(await response.text()).get(model, NOTHING)

        return await asyncio.gather(*(one(address) for address in addresses))


def execution_seconds(before: Iterable[ModelSamples], after: Iterable[ModelSamples]) -> float:
    """Mean over what was answered in between; NaN when nothing was."""
    pairs = list(zip(before, after, strict=True))
    answered = sum(b.success - a.success for a, b in pairs)
    spent = sum(_compute(b) - _compute(a) for a, b in pairs)
    return spent / answered / MICROSECONDS if answered else float("nan")


def _compute(samples: ModelSamples) -> float:
    return (
        samples.compute_input_microseconds
        + samples.compute_infer_microseconds
        + samples.compute_output_microseconds
    )
