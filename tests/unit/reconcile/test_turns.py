"""Of passes that become due together, each computes in a round of its own."""

import asyncio
from itertools import pairwise

import pytest

from trifocal.reconcile.turns import Turns


def test_something_else_runs_between_two_computations() -> None:
    happened: list[str] = []

    async def compute(turns: Turns, name: str) -> None:
        async with turns.turn():
            happened.append(name)

    async def tick() -> None:
        for _ in range(4):
            happened.append("tick")
            await asyncio.sleep(0)

    async def main() -> None:
        turns = Turns()
        await asyncio.gather(*(compute(turns, name) for name in "abc"), tick())

    asyncio.run(main())
    computed = [n for n, each in enumerate(happened) if each != "tick"]
    assert [happened[n] for n in computed] == ["a", "b", "c"]
    assert all("tick" in happened[one:other] for one, other in pairwise(computed))


def test_a_computation_that_fails_gives_the_turn_on() -> None:
    async def fail(turns: Turns) -> None:
        async with turns.turn():
            raise ValueError("no such thing")

    async def main() -> str:
        turns = Turns()
        with pytest.raises(ValueError, match="no such thing"):
            await fail(turns)
        async with turns.turn():
            return "computed"

    assert asyncio.run(main()) == "computed"
