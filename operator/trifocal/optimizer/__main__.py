"""`trifocal-optimizer run`: the program inside the optimization Job.

Its answer is the container's termination message and the exit code; its log is one line of JSON
for each event.
"""

import logging
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import structlog
from pydantic import ValidationError

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import WorkError
from trifocal.artifacts.store import open_store
from trifocal.optimizer.contract import (
    EXIT_REFUSED,
    EXIT_TRANSIENT,
    PROGRESS_PORT,
    Failure,
    FailureKind,
    OptimizationRequest,
    OptimizationResult,
    Progress,
    result_json,
)
from trifocal.optimizer.outcome import failure_of
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.progress_server import Latest, serving_progress
from trifocal.optimizer.sources import place_of

log = structlog.get_logger()
NO_REQUEST = f"sha256:{'0' * 64}"
"""Stands for the request's digest where the request could not be read."""


class StoppedError(BaseException):
    """SIGTERM. Not an Exception, so that nothing on the way takes it for a failed candidate."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Optimize a model: what the optimization Job runs."""


@main.command()
@click.option(
    "--request",
    "request_file",
    type=click.Path(path_type=Path),
    required=True,
    help="The OptimizationRequest as JSON.",
)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, exists=True, file_okay=False, writable=True),
    required=True,
    help="Folder for downloads and candidates.",
)
@click.option(
    "--termination-log",
    type=click.Path(path_type=Path),
    default=Path("/dev/termination-log"),
    show_default=True,
    help="File for the result.",
)
@click.option("--progress-port", default=PROGRESS_PORT, show_default=True, help="TCP port.")
def run(request_file: Path, scratch: Path, termination_log: Path, progress_port: int) -> None:
    """Work on one request, and write the result to the termination message."""
    _configure_logging()
    signal.signal(signal.SIGTERM, _stop)
    latest = Latest()
    with serving_progress(latest, progress_port):
        result = work(request_file, scratch, latest)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the answer is known: only write it
    termination_log.write_text(result_json(result), encoding="utf-8")
    sys.exit(_report(result))


def work(request_file: Path, scratch: Path, latest: Latest) -> OptimizationResult:
    """The result of the request in a file, whatever happens."""
    digest = NO_REQUEST
    try:
        request = OptimizationRequest.model_validate_json(request_file.read_bytes())
        digest = request.digest()
        log.info("started", name=request.name, request=digest)
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
            place = Workplace(
                store=open_store(place_of(request.store)),
                scratch=Path(folder),
                announce=Announcer(_Narrator(latest)),
            )
            return optimize(request, place)
    except (OSError, ValidationError) as error:
        return _without_result(digest, _unreadable_request(error))
    except WorkError as error:
        return _without_result(digest, failure_of(error))
    except StoppedError:
        return _without_result(
            digest,
            Failure(
                kind=FailureKind.TRANSIENT,
                reason=Reason.OPTIMIZATION_FAILED,
                message="The optimization was stopped before it was done.",
            ),
        )
    except Exception as error:  # the edge of the program: the operator must get an answer
        log.exception("unexpected")
        return _without_result(digest, failure_of(error))


def _without_result(digest: str, failure: Failure) -> OptimizationResult:
    return OptimizationResult(request=digest, failure=failure)


def _unreadable_request(error: OSError | ValidationError) -> Failure:
    why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
    return Failure(
        kind=FailureKind.STALLED,
        reason=Reason.OPTIMIZATION_FAILED,
        message=f"The Job's request cannot be read ({why}); the operator and the optimizer image "
        f"must be of the same version.",
    )


class _Narrator:
    """Logs each step once, and passes every progress on."""

    def __init__(self, latest: Latest) -> None:
        self._latest = latest
        self._step = ""

    def __call__(self, progress: Progress) -> None:
        self._latest(progress)
        step = progress.step.partition(",")[0]  # a line for each step, not for each image
        if step != self._step:
            self._step = step
            log.info("progress", step=progress.step, percent=progress.percent)


def _report(result: OptimizationResult) -> int:
    for candidate in result.candidates:
        log.info("candidate", **candidate.model_dump(mode="json", exclude_none=True))
    failure = result.failure
    if failure is None:
        log.info("published", artifact=result.artifact, chosen=result.chosen)
        return 0
    log.error(failure.message, reason=failure.reason, kind=failure.kind)
    return EXIT_REFUSED if failure.kind is FailureKind.STALLED else EXIT_TRANSIENT


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise StoppedError


def _configure_logging() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )


if __name__ == "__main__":
    main()
