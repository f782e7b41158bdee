"""What an untrained build says about which candidates, and in which unit."""

from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.search.forecast import Forecast, family

FORECAST = Forecast(milliseconds=4.0, milliseconds_per_image=1.5, size=1000)


def test_each_aim_reads_its_own_figure() -> None:
    assert [FORECAST.value(aim) for aim in ("latency", "throughput", "cost", "size")] == [
        4.0,
        1.5,
        1.5,
        1000.0,
    ]


def test_calibration_changes_no_structure_and_training_for_int8_neither() -> None:
    plain = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax")

    relatives = (
        Recipe(runtime="onnxruntime", precision="int8", calibration="entropy", per_channel=False),
        Recipe(runtime="onnxruntime", precision="int8-qat"),
        Recipe(
            runtime="onnxruntime", precision="int8", calibration="minmax", keep_float=("conv1",)
        ),
    )

    assert {family(one) for one in relatives} == {plain}
    assert family(Recipe(runtime="onnxruntime", precision="fp16")).precision == "fp16"
    assert family(Recipe(runtime="litert", precision="int8", calibration="minmax")) != plain
