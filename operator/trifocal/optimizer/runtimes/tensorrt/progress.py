"""How far a build is, from the phases that TensorRT announces; a build can be cancelled here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trifocal.optimizer.runtimes.tensorrt.api import Module

_NOTICEABLE = 0.01
"""Share of the build; smaller steps are not reported."""


@dataclass(kw_only=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


class Phases:
    """Phases nest: a step of one may be a whole phase of its own.

    Every step of a phase counts the same, which is not how long they take: the share is an order
    of magnitude and never falls.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Phase] = {}
        self._highest = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase of so many steps begins; `parent` is the phase whose step it is."""
        self._open[name] = _Phase(parent=parent, steps=max(steps, 1))

    def step(self, name: str, index: int) -> None:
        """Step `index` of a phase, counted from 0, is done."""
        if name in self._open:
            self._open[name].done = index + 1

    def finish(self, name: str) -> None:
        """A phase is over."""
        self._open.pop(name, None)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        roots = [name for name, phase in self._open.items() if phase.parent not in self._open]
        self._highest = max(self._highest, *map(self._share, roots), 0.0)
        return self._highest

    def _share(self, name: str) -> float:
        phase = self._open[name]
        inside = [self._share(other) for other, it in self._open.items() if it.parent == name]
        return min(1.0, (phase.done + max(inside, default=0.0)) / phase.steps)


class Watch:
    """Passes progress on, and keeps what the listener raises: TensorRT cannot pass it through."""

    def __init__(self, report: Callable[[float, str], None]) -> None:
        self._report = report
        self._phases = Phases()
        self._told = 0.0
        self.raised: BaseException | None = None

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase begins."""
        self._phases.start(name, parent, steps)

    def step(self, name: str, index: int) -> bool:
        """Step `index` of a phase is done; False asks TensorRT to stop."""
        self._phases.step(name, index)
        share = self._phases.share
        if self.raised is None and share >= self._told + _NOTICEABLE:
            self._told = share
            try:
                self._report(share, f"TensorRT: {name.lower()}")
            except BaseException as error:  # noqa: BLE001 - raised again by whoever started the build
                self.raised = error
        return self.raised is None

    def finish(self, name: str) -> None:
        """A phase is over."""
        self._phases.finish(name)


def monitor(trt: Module, watch: Watch) -> Any:
    """An `IProgressMonitor` that tells `watch`."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[name-defined,misc] # the class is injected
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            watch.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return watch.step(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            watch.finish(phase_name)

    return Monitor()
