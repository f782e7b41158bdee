"""The Job's program as a process: exit codes, the termination message, and signals."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tiny_models import request
from trifocal.optimizer.contract import (
    EXIT_REFUSED,
    EXIT_TRANSIENT,
    OptimizationRequest,
    OptimizationResult,
)

pytestmark = pytest.mark.integration


def start(folder: Path, wanted: OptimizationRequest) -> "subprocess.Popen[str]":
    (folder / "request.json").write_text(wanted.model_dump_json(by_alias=True, exclude_none=True))
    (folder / "scratch").mkdir(exist_ok=True)
    arguments = ["run", "--request", "request.json", "--scratch", "scratch"]
    arguments += ["--termination-log", "termination-log", "--progress-port", "0"]
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "trifocal.optimizer", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(folder: Path) -> OptimizationResult:
    return OptimizationResult.model_validate_json((folder / "termination-log").read_text())


def test_success_exits_with_0_and_logs_json_lines(tmp_path: Path) -> None:
    with start(tmp_path, request(tmp_path)) as process:
        output, _ = process.communicate(timeout=100)

    assert process.returncode == 0, output
    assert answer(tmp_path).artifact is not None
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert (events[0], events[-1]) == ("started", "published")


def test_refusal_exits_so_that_the_job_is_not_retried(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    source = wanted.source.model_copy(update={"digest": f"sha256:{'0' * 64}"})
    with start(tmp_path, wanted.model_copy(update={"source": source})) as process:
        process.communicate(timeout=100)

    assert process.returncode == EXIT_REFUSED
    failure = answer(tmp_path).failure
    assert failure is not None
    assert failure.reason == "DigestMismatch"


def test_sigterm_exits_as_transient_and_the_next_run_starts_clean(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    with start(tmp_path, wanted) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "judging" in line:
                process.send_signal(signal.SIGTERM)
                break
        process.communicate(timeout=100)

    assert process.returncode == EXIT_TRANSIENT
    assert not (tmp_path / "store/recipes").exists()
    assert list((tmp_path / "scratch").iterdir()) == []

    with start(tmp_path, wanted) as process:
        process.communicate(timeout=100)
    assert process.returncode == 0


@pytest.mark.parametrize("event", ["looking", "building", "publishing"])
def test_sigkill_anywhere_then_run_again(tmp_path: Path, event: str) -> None:
    wanted = request(tmp_path)
    with start(tmp_path, wanted) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if event in line:
                process.kill()
                break
        process.communicate(timeout=100)

    with start(tmp_path, wanted) as process:
        process.communicate(timeout=100)
    assert process.returncode == 0
    assert answer(tmp_path).artifact is not None
