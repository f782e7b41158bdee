"""The Job's program: whatever happens, the operator gets an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.support.tiny_models import request
from trifocal.api.condition import Reason
from trifocal.optimizer.__main__ import StoppedError, work
from trifocal.optimizer.contract import FailureKind, OptimizationResult, Progress
from trifocal.optimizer.progress_server import Latest


class Interrupted(Latest):
    """Raises when the work reaches a step, as a signal handler would."""

    def __init__(self, step: str, error: Callable[[], BaseException]) -> None:
        super().__init__()
        self._step, self._error = step, error

    def __call__(self, progress: Progress) -> None:
        super().__call__(progress)
        if progress.step.startswith(self._step):
            self._raise()

    def _raise(self) -> NoReturn:
        raise self._error()


def run(folder: Path, latest: Latest | None = None) -> OptimizationResult:
    wanted = request(folder, precisions=("fp32",))
    (folder / "request.json").write_text(wanted.model_dump_json(by_alias=True, exclude_none=True))
    (folder / "scratch").mkdir()
    return work(folder / "request.json", folder / "scratch", latest or Latest())


def test_request_from_a_file_is_worked_on(tmp_path: Path) -> None:
    latest = Latest()

    result = run(tmp_path, latest)

    assert result.failure is None
    assert result.request == request(tmp_path, precisions=("fp32",)).digest()
    assert latest.progress.step == "publishing the artifact"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_stop_signal_leaves_nothing_half_published(tmp_path: Path) -> None:
    result = run(tmp_path, Interrupted("publishing", StoppedError))

    assert result.failure is not None
    assert result.failure.kind is FailureKind.TRANSIENT
    assert result.failure.message == "The optimization was stopped before it was done."
    assert not (tmp_path / "store/artifacts").exists()
    assert not (tmp_path / "store/recipes").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_unforeseen_error_is_an_answer_too(tmp_path: Path) -> None:
    result = run(tmp_path, Interrupted("measuring", lambda: KeyError("node")))

    assert result.failure is not None
    assert result.failure.reason is Reason.OPTIMIZATION_FAILED
    assert "KeyError: 'node'" in result.failure.message


def test_request_that_cannot_be_read_is_an_answer_too(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text('{"schemaVersion": "trifocal.dev/optimization/v2"}')

    result = work(tmp_path / "request.json", tmp_path, Latest())

    assert result.failure is not None
    assert result.failure.kind is FailureKind.STALLED
    assert "must be of the same version" in result.failure.message
