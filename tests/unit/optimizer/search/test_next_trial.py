"""Which candidate is tried next: worked examples, and what holds for any figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.techniques import CalibrationMethod, Precision
from trifocal.optimizer.recipe import Compression, Pruned, Recipe
from trifocal.optimizer.search.forecast import Aim, Forecast, family
from trifocal.optimizer.search.next_trial import NOISE, Field, Verdict, budget, next_trial

PRUNED = Pruned(method="structured", ratio=0.5)


def recipe(
    precision: Precision,
    method: CalibrationMethod | None = None,
    *,
    compression: Compression | None = None,
    per_channel: bool = True,
) -> Recipe:
    calibration = method or ("minmax" if precision in {"int8", "int16"} else None)
    return Recipe(
        runtime="onnxruntime",
        precision=precision,
        calibration=calibration,
        per_channel=per_channel,
        compression=compression,
    )


def forecast(milliseconds: float, size: int = 100) -> Forecast:
    return Forecast(milliseconds=milliseconds, milliseconds_per_image=milliseconds / 2, size=size)


def field(
    forecasts: Mapping[Recipe, Forecast],
    recipes: Sequence[Recipe] = (),
    *,
    aim: Aim = "latency",
    source: Forecast | None = None,
) -> Field:
    return Field(recipes=recipes or tuple(forecasts), forecasts=forecasts, source=source, aim=aim)


def walk(found: Field, passing: set[Recipe]) -> list[str]:
    """Names of what is tried, in order."""
    tried: dict[Recipe, Verdict] = {}
    while (wanted := next_trial(found, tried)) is not None:
        tried[wanted] = Verdict.PASSED if wanted in passing else Verdict.MISSED
    return [one.name for one in tried]


FP32, FP16, INT8 = recipe("fp32"), recipe("fp16"), recipe("int8")


def test_fastest_forecast_is_tried_first_and_ends_the_search_when_it_passes() -> None:
    found = field({FP32: forecast(3.0), FP16: forecast(2.0), INT8: forecast(1.0)})

    assert walk(found, {INT8}) == ["int8"]


def test_search_goes_down_the_forecasts_until_one_passes() -> None:
    found = field({FP32: forecast(3.0), FP16: forecast(2.0), INT8: forecast(1.0)})

    assert walk(found, {FP32, FP16}) == ["int8", "fp16"]


def test_nothing_is_tried_that_is_forecast_to_be_no_faster_than_the_source() -> None:
    """2.95 ms is within 5 % of 3 ms, and no file is smaller."""
    found = field(
        {FP32: forecast(2.95), FP16: forecast(3.4), INT8: forecast(9.0)}, source=forecast(3.0)
    )

    assert walk(found, {FP32, FP16, INT8}) == []


def test_as_fast_and_smaller_is_worth_a_trial() -> None:
    found = field(
        {FP32: forecast(3.0, 100), FP16: forecast(3.1, 50), INT8: forecast(9.0, 25)},
        source=forecast(3.0, 100),
    )

    assert walk(found, {FP32, FP16, INT8}) == ["fp16"]


def test_smaller_file_counts_where_size_is_the_aim() -> None:
    found = field(
        {FP32: forecast(1.0, 400), FP16: forecast(1.0, 200), INT8: forecast(5.0, 100)},
        aim="size",
        source=forecast(1.0, 400),
    )

    assert walk(found, {FP16, INT8}) == ["int8"]


def test_pruned_network_proves_itself_in_float_before_int8() -> None:
    float_pruned = recipe("fp32", compression=PRUNED)
    int8_pruned = recipe("int8", compression=PRUNED)
    forecasts = {
        FP32: forecast(4.0),
        INT8: forecast(3.0),
        float_pruned: forecast(2.0),
        int8_pruned: forecast(1.0),
    }

    assert walk(field(forecasts), {float_pruned, int8_pruned}) == [
        "pruned50-fp32",
        "pruned50-int8",
    ]


def test_network_that_missed_in_float_has_one_second_chance_after_everything_else() -> None:
    networks = [
        recipe("fp32", compression=PRUNED),
        recipe("int8-weights", compression=PRUNED),
        recipe("int8-dynamic", compression=PRUNED),
        recipe("int8", compression=PRUNED),
        recipe("int8", "percentile", compression=PRUNED),
    ]
    times = (2.0, 0.5, 0.6, 1.0, 1.0)
    forecasts = dict(zip(networks, map(forecast, times), strict=True)) | {
        FP32: forecast(4.0),
        INT8: forecast(3.0),
    }
    grid = [*forecasts, *(recipe("int16") for _ in range(14))]

    assert walk(field(forecasts, grid), {FP32, INT8}) == [
        "pruned50-fp32",
        "int8",
        "pruned50-int8",
    ], "the first two would answer as float does, and two chances would be a lottery"


def test_network_that_missed_has_no_chance_where_it_would_be_slower_than_what_passed() -> None:
    forecasts = {
        INT8: forecast(3.0),
        recipe("fp32", compression=PRUNED): forecast(2.0),
        recipe("int8", compression=PRUNED): forecast(2.95),
    }

    assert walk(field(forecasts), {INT8}) == ["pruned50-fp32", "int8"]


def test_network_that_could_not_be_built_has_no_second_chance() -> None:
    float_pruned = recipe("fp32", compression=PRUNED)
    found = field({float_pruned: forecast(2.0), recipe("int8", compression=PRUNED): forecast(1.0)})

    assert next_trial(found, {float_pruned: Verdict.FAILED}) is None


def test_family_gets_minmax_then_percentile_then_training() -> None:
    """Entropy and one scale for a tensor would be the fourth try and later."""
    family_members = [
        INT8,
        recipe("int8", "percentile"),
        recipe("int8", "entropy"),
        recipe("int8", per_channel=False),
        recipe("int8-qat"),
    ]
    grid = [*family_members, *(recipe("fp16", compression=PRUNED) for _ in range(1)), FP32, FP16]
    found = field({INT8: forecast(1.0)}, [*grid, *grid, *grid])

    assert walk(found, set()) == ["int8", "int8-percentile", "int8-qat"]


def test_family_without_forecast_is_not_tried() -> None:
    assert walk(field({FP16: forecast(1.0)}, [FP16, INT8]), {FP16, INT8}) == ["fp16"]


def test_for_accuracy_the_simplest_candidates_are_tried_whatever_they_take() -> None:
    found = field(
        {FP32: forecast(3.0), FP16: forecast(9.0), INT8: forecast(1.0)},
        aim="accuracy",
        source=forecast(1.0),
    )

    assert walk(found, {FP32, FP16, INT8}) == ["fp32", "fp16", "int8"]


@pytest.mark.parametrize(("candidates", "allowed"), [(1, 1), (3, 3), (12, 3), (17, 4), (54, 13)])
def test_budget_is_a_quarter_of_the_grid_and_three_at_least(candidates: int, allowed: int) -> None:
    assert budget([FP32] * candidates) == allowed


PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "int8-qat", "int8-weights")
GRID = tuple(
    replace(one, compression=network)
    for network in (None, PRUNED, Pruned(method="structured", ratio=0.3))
    for one in (
        *(recipe(precision) for precision in PRECISIONS),
        recipe("int8", "percentile"),
        recipe("int8", "entropy"),
    )
)


@given(
    times=st.lists(st.floats(0.1, 10), min_size=len(GRID), max_size=len(GRID)),
    passes=st.lists(st.booleans(), min_size=len(GRID), max_size=len(GRID)),
)
def test_for_any_figures_no_trial_is_wasted(times: list[float], passes: list[bool]) -> None:
    """Within budget, nothing twice, and never what is slower than something that passed."""
    forecasts = {family(one): forecast(time) for one, time in zip(GRID, times, strict=True)}
    passing = {one for one, good in zip(GRID, passes, strict=True) if good}
    found = field(forecasts, GRID, source=forecast(5.0))
    tried: dict[Recipe, Verdict] = {}
    best = 5.0
    while (wanted := next_trial(found, tried)) is not None:
        assert wanted not in tried
        value = forecasts[family(wanted)].milliseconds
        is_prerequisite = wanted.compression is not None and wanted.precision == "fp32"
        assert value < best * (1 - NOISE) or is_prerequisite
        tried[wanted] = Verdict.PASSED if wanted in passing else Verdict.MISSED
        if wanted in passing:
            best = min(best, value)  # files are all of one size here
    assert len(tried) <= budget(GRID)
