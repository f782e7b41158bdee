"""What clients with persistent connections lose when a serving pod goes away.

Two real Triton servers (24.10) stand behind a loopback balancer that does what a Service does. One
of them goes the way of a deleted pod, under the load of clients that keep their connections.

    uv run --frozen --extra extended python -m benchmarks.drain
"""

import argparse
import collections
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.integration.triton import real_server
from tests.integration.triton.departure import Departure, Outcome, Report, depart
from tests.integration.triton.small_model import IMAGE, write_model, write_repository
from trifocal.triton.arguments import server_arguments

EXIT_TIMEOUT = "--exit-timeout-secs=10"
"""Shorter than a pod's, so that the servers that are cut off are so sooner."""

_MESSAGE_LENGTH = 110
"""Characters of a failure's message that tell its kind."""


def main() -> None:
    """Run both experiments and print a line for each kind of client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=4, help="of each kind of client")
    parser.add_argument("--prestop", type=float, default=8, help="seconds before SIGTERM")
    options = parser.parse_args()
    locked_down = server_arguments(IMAGE, restricted_key="benchmark")
    aged = [*locked_down, EXIT_TIMEOUT]
    plain = [each for each in aged if not each.startswith("--grpc-max-connection-age")]
    installation = real_server.install()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write_model(model)
        repository = write_repository(Path(folder) / "models", model)
        for title, arguments, fronted in (
            ("preStop pause alone", plain, False),
            ("preStop pause and limited connection age", aged, True),
        ):
            departure = Departure(
                arguments=arguments,
                fronted=fronted,
                pre_stop_seconds=options.prestop,
                connections=options.connections,
            )
            report = depart(departure, installation, repository)
            print(*table(title, departure, report), "", sep="\n", flush=True)  # noqa: T201 - its purpose


def table(title: str, departure: Departure, report: Report) -> Iterator[str]:
    """A line for each kind of client, then each kind of failure once."""
    yield (
        f"{title} ({departure.pre_stop_seconds:g} s): exit code {report.exit_code}, "
        f"{report.exit_seconds:.1f} s after SIGTERM"
    )
    yield "  client     answered  failed  slowest ms  connections on it  left at SIGTERM"
    for kind, outcome in report.outcomes.items():
        yield (
            f"  {kind:9} {outcome.answered:9} {len(outcome.failures):7} "
            f"{outcome.slowest_seconds * 1000:11.0f} {outcome.pinned:18} {outcome.left:16}"
        )
    for kind, outcome in report.outcomes.items():
        for message, count in collections.Counter(_kinds(outcome)).most_common(3):
            first = min(at for at, text in outcome.failures if text.startswith(message))
            yield f"  {kind}: {count} x from +{first:.1f} s: {message}"


def _kinds(outcome: Outcome) -> list[str]:
    return [message[:_MESSAGE_LENGTH] for _, message in outcome.failures]


if __name__ == "__main__":
    main()
