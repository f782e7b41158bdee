"""Of passes that become due together, each computes in a round of its own."""

import asyncio
from itertools import pairwise

import pytest

from trifocal.reconcile.floor import Floor


def test_something_else_runs_between_two_computations() -> None:
    happened: list[str] = []

    async def compute(floor: Floor, name: str) -> None:
        async with floor.taken():
            happened.append(name)

    async def tick() -> None:
        for _ in range(4):
            happened.append("tick")
            await asyncio.sleep(0)

    async def main() -> None:
        floor = Floor()
        await asyncio.gather(*(compute(floor, name) for name in "abc"), tick())

    asyncio.run(main())
    computed = [n for n, each in enumerate(happened) if each != "tick"]
    assert [happened[n] for n in computed] == ["a", "b", "c"]
    assert all("tick" in happened[one:other] for one, other in pairwise(computed))


def test_a_computation_that_fails_gives_the_floor_on() -> None:
    async def fail(floor: Floor) -> None:
        async with floor.taken():
            raise ValueError("no such thing")

    async def main() -> str:
        floor = Floor()
        with pytest.raises(ValueError, match="no such thing"):
            await fail(floor)
        async with floor.taken():
            return "computed"

    assert asyncio.run(main()) == "computed"
