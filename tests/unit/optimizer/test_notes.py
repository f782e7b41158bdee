"""Sentences for status on what was searched, saved, and not published."""

from pathlib import Path

from tests.support.measurements import measured
from trifocal.api.gate import Gate
from trifocal.api.target import Runtime
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.deciding import Decision
from trifocal.optimizer.exploring import Exploration, Trial
from trifocal.optimizer.measured import SOURCE, Measured
from trifocal.optimizer.notes import Found, notes_on
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.report import Judgement
from trifocal.optimizer.search.forecast import family
from trifocal.optimizer.workshop import REUSED

WINNER = measured(SOURCE)


def grid(runtime: Runtime = "litert") -> tuple[Recipe, ...]:
    return tuple(
        Recipe(runtime=runtime, precision=precision)
        for precision in ("fp32", "fp16", "int8-dynamic", "int8-weights")
    )


def found(
    tried: int,
    *,
    runtime: Runtime = "litert",
    winner: Measured | None = WINNER,
    reused: int = 0,
    unbuildable: int = 0,
    rows: tuple[Judgement, ...] = (),
) -> Found:
    """The first so many of the grid were tried, and the first `reused` of them had been built."""
    recipes = grid(runtime)
    trials = [
        Trial(
            recipe=recipe, entry=Entry(path=Path("m"), facts={REUSED: True} if i < reused else {})
        )
        for i, recipe in enumerate(recipes[:tried])
    ]
    exploration = Exploration(
        runtime=runtime,
        recipes=recipes,
        trials=trials,
        forecasts={},
        unbuildable={family(recipe): "no" for recipe in recipes[4 - unbuildable :]},
    )
    return Found(
        exploration=exploration, decision=Decision(runtime=runtime, winner=winner, rows=rows)
    )


def notes(*targets: Found, served: Measured = WINNER) -> tuple[str, ...]:
    return notes_on(targets, served, WINNER.evidence, Gate(), "top1")


def test_nothing_to_say_of_a_whole_grid_and_of_the_source() -> None:
    assert notes(found(4)) == ()


def test_search_that_stopped_says_why() -> None:
    assert notes(found(1), found(3)) == (
        "litert: 1 of 4 candidates were tried; none of the others was forecast to be better.",
        "litert: 3 of 4 candidates were tried; the search had used its trials.",
    )


def test_candidates_that_cannot_be_built_are_no_choice_of_the_search() -> None:
    assert notes(found(3, unbuildable=1)) == ()


def test_what_earlier_runs_saved() -> None:
    assert notes(found(4, reused=3)) == ("litert: 3 of 4 candidates had been built before.",)


def test_device_without_a_winner_gets_the_first_reason() -> None:
    rows = (Judgement(name="fp32", target="litert", verdict="Lost", reason="top1 fell"),)

    assert notes(found(4, winner=None, rows=rows), found(4, winner=None)) == (
        "litert: nothing was published, because no candidate passed; fp32: top1 fell.",
        "litert: nothing was published, because no candidate passed; it has no candidates.",
    )


def test_served_target_without_a_winner_is_a_failure_and_no_note() -> None:
    assert notes(found(4, runtime="onnxruntime", winner=None)) == ()


def test_notes_of_the_winners_build_are_passed_on_with_its_name() -> None:
    winner = measured("int8")
    winner = Measured(**{**vars(winner), "notes": ("conv1 stays in float.",)})

    assert "int8: conv1 stays in float." in notes(found(4), served=winner)
