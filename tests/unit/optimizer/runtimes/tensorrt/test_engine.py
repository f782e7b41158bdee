"""Building an engine: profiles, the second try, cancelling, and what is told when it fails."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import (
    GIB,
    WHOLE_GPU,
    Complaint,
    Config,
    FakeTensorRT,
    Severity,
    fails,
    succeeds,
)
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.runtimes.tensorrt.engine import (
    Engine,
    EngineBuilder,
    Profile,
    Settings,
    batch_profile,
)
from trifocal.optimizer.runtimes.tensorrt.place import Place
from trifocal.optimizer.runtimes.tensorrt.timing_cache import TimingCache

PLACE = Place(library="tensorrt", version="11.2.1.2", platform="linux-x86_64", device=None)
PROFILE = Profile(smallest=(1, 3, 8, 8), best=(4, 3, 8, 8), largest=(4, 3, 8, 8))
NO_KERNEL = "Error Code 10: Internal Error (Could not find any implementation for node conv_1.)"


class Build:
    """Builds with a fake, and collects what is reported."""

    def __init__(self, folder: Path, trt: FakeTensorRT, settings: Settings | None = None) -> None:
        self._builder = EngineBuilder(trt, TimingCache(folder, PLACE), settings or Settings())
        self.told: list[float] = []

    def run(self) -> Engine:
        return self._builder.build(b"onnx", "x", PROFILE, lambda share, _: self.told.append(share))


def test_there_is_always_a_profile(tmp_path: Path) -> None:
    trt = FakeTensorRT(succeeds(b"an engine"))
    engine = Build(tmp_path, trt).run()
    assert (engine.plan, engine.layers, engine.workspace_bytes) == (b"an engine", 7, WHOLE_GPU)
    assert [config.profiles[0].shapes for config in trt.configs] == [
        {"x": ((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8))}
    ]


def test_batches_up_to_the_largest_are_taken() -> None:
    assert batch_profile((3, 8, 8), 16, None) == Profile(
        smallest=(1, 3, 8, 8), best=(16, 3, 8, 8), largest=(16, 3, 8, 8)
    )


def test_a_fixed_batch_stays_fixed() -> None:
    assert batch_profile((3, 8, 8), 1, 1) == Profile(
        smallest=(1, 3, 8, 8), best=(1, 3, 8, 8), largest=(1, 3, 8, 8)
    )


def test_networks_are_strongly_typed_and_settings_are_passed(tmp_path: Path) -> None:
    trt = FakeTensorRT(succeeds())
    Build(tmp_path, trt, Settings(optimization_level=5, workspace_bytes=GIB)).run()
    assert trt.flags == [1 << 1]
    assert (trt.configs[0].builder_optimization_level, trt.configs[0].workspace) == (5, GIB)


def test_where_memory_ran_out_half_the_workspace_is_tried(tmp_path: Path) -> None:
    trt = FakeTensorRT(fails(NO_KERNEL), succeeds())
    assert Build(tmp_path, trt).run().workspace_bytes == 8 * GIB
    assert [config.workspace for config in trt.configs] == [16 * GIB, 8 * GIB]


def test_it_is_tried_twice_and_not_more_often(tmp_path: Path) -> None:
    trt = FakeTensorRT(fails("OutOfMemory", NO_KERNEL), fails("OutOfMemory", NO_KERNEL), succeeds())
    with pytest.raises(BuildError, match=r"ran out at node conv_1 .* 4 GiB and again with 2 GiB"):
        Build(tmp_path, trt, Settings(workspace_bytes=4 * GIB)).run()


def test_other_failures_are_told_at_once(tmp_path: Path) -> None:
    trt = FakeTensorRT(fails("Error Code 4: API Usage Error (something)"), succeeds())
    with pytest.raises(BuildError, match=r"says: Error Code 4: API Usage Error \(something\)$"):
        Build(tmp_path, trt).run()


def test_without_a_driver_the_library_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"needs a GPU, .* here \(CUDA error 35\); run the Job on"):
        Build(tmp_path, FakeTensorRT(starts=False)).run()


def test_progress_is_reported(tmp_path: Path) -> None:
    def step(_trt: FakeTensorRT, config: Config, _logger: Any) -> bytes:
        config.progress_monitor.phase_start("Building", None, 2)
        assert config.progress_monitor.step_complete("Building", 0)
        assert config.progress_monitor.step_complete("Building", 1)
        config.progress_monitor.phase_finish("Building")
        return b"plan"

    build = Build(tmp_path, FakeTensorRT(step))
    build.run()
    assert build.told == [0.5, 1.0]


def test_a_listener_can_cancel(tmp_path: Path) -> None:
    def step(_trt: FakeTensorRT, config: Config, _logger: Any) -> bytes | None:
        config.progress_monitor.phase_start("Building", None, 2)
        return b"plan" if config.progress_monitor.step_complete("Building", 0) else None

    def cancel(_share: float, _detail: str) -> None:
        raise KeyboardInterrupt

    builder = EngineBuilder(FakeTensorRT(step), TimingCache(tmp_path, PLACE), Settings())
    with pytest.raises(KeyboardInterrupt):
        builder.build(b"onnx", "x", PROFILE, cancel)


def test_warnings_of_a_build_that_succeeds_are_kept(tmp_path: Path) -> None:
    def step(_trt: FakeTensorRT, _config: Config, logger: Any) -> bytes:
        logger.log(Severity.INFO, "chatter")
        logger.log(Severity.WARNING, "may overflow")
        return b"plan"

    assert list(Build(tmp_path, FakeTensorRT(step)).run().messages.warnings) == ["may overflow"]


@pytest.mark.parametrize("desc", ["false", 'creator && "Plugin not found, are the plugin name"'])
def test_operators_that_tensorrt_lacks_are_named_with_their_nodes(
    tmp_path: Path, desc: str
) -> None:
    complaints = [Complaint(desc, "nms", "NonMaxSuppression"), Complaint("false", "", "Det")]
    with pytest.raises(BuildError) as raised:
        Build(tmp_path, FakeTensorRT(complaints=complaints)).run()
    assert str(raised.value) == (
        "TensorRT has no NonMaxSuppression (node 'nms'), Det; export the model without them "
        "(decoding and non-maximum suppression can follow in the client), or choose the target "
        "onnxruntime"
    )


def test_other_complaints_are_quoted_and_many_are_counted(tmp_path: Path) -> None:
    complaints = [Complaint(f"axis {n}\nis wrong", f"n{n}", "Slice") for n in range(7)]
    with pytest.raises(BuildError) as raised:
        Build(tmp_path, FakeTensorRT(complaints=complaints)).run()
    assert str(raised.value).startswith(
        "TensorRT rejects Slice (node 'n0'), Slice (node 'n1'), Slice (node 'n2'), Slice (node "
        "'n3'), Slice (node 'n4') and 2 more, and says: axis 0 is wrong; change these nodes"
    )
