"""A build's progress, from phases as TensorRT announces them."""

import pytest

from trifocal.optimizer.runtimes.tensorrt.progress import Phases, Watch


def test_a_step_that_is_a_phase_counts_as_far_as_it_is() -> None:
    phases = Phases()
    phases.start("build", None, 4)
    assert phases.share == 0
    phases.step("build", 0)
    assert phases.share == pytest.approx(1 / 4)
    phases.start("tune", "build", 2)
    phases.step("tune", 0)
    assert phases.share == pytest.approx((1 + 1 / 2) / 4)
    phases.start("kernel", "tune", 5)
    phases.step("kernel", 3)
    assert phases.share == pytest.approx((1 + (1 + 4 / 5) / 2) / 4)


def test_it_never_falls() -> None:
    phases = Phases()
    phases.start("build", None, 2)
    phases.start("tune", "build", 1)
    phases.step("tune", 0)
    assert phases.share == pytest.approx(1 / 2)
    phases.finish("tune")  # The step of `build` is told only after this.
    assert phases.share == pytest.approx(1 / 2)
    phases.start("another", None, 10)
    phases.finish("build")
    assert phases.share == pytest.approx(1 / 2)


def test_odd_announcements_do_no_harm() -> None:
    phases = Phases()
    phases.step("never started", 3)
    phases.finish("never started")
    phases.start("empty", None, 0)
    phases.step("empty", 0)
    phases.step("empty", 7)
    assert phases.share == 1


def test_small_steps_are_not_reported() -> None:
    told: list[tuple[float, str]] = []
    watch = Watch(lambda share, detail: told.append((share, detail)))
    watch.start("Tuning Layers", None, 1000)
    assert all(watch.step("Tuning Layers", step) for step in range(25))
    watch.finish("Tuning Layers")
    assert told == [(0.01, "TensorRT: tuning layers"), (0.02, "TensorRT: tuning layers")]


def test_what_the_listener_raises_stops_the_build_and_is_kept() -> None:
    def report(_share: float, _detail: str) -> None:
        raise KeyboardInterrupt

    watch = Watch(report)
    watch.start("build", None, 2)
    assert not watch.step("build", 0)
    assert not watch.step("build", 1)
    assert isinstance(watch.raised, KeyboardInterrupt)
