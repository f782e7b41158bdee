"""`python -m hack.load`: load a model and print what came of it; exit 1 if a request failed."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from hack.load.background import BackgroundLoad, load
from hack.load.plan import LoadPlan, Target
from hack.load.report import Report

SHOWN_FAILURES = 5


def main(arguments: Sequence[str]) -> int:
    """Run the load."""
    options = _parser().parse_args(arguments)
    plan = LoadPlan(
        target=Target(
            url=options.url.removeprefix("http://").rstrip("/"),
            protocol=options.protocol,
            model=options.model,
            input=options.input,
            shape=tuple(int(size) for size in options.shape.split(",")),
        ),
        connections=options.connections,
        rate=options.rate,
    )
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    with load(plan) as running:
        _narrate(running, options.seconds, options.every, interrupted, as_json=options.json)
        report = running.stop()
    _say(report, as_json=options.json)
    for failure in report.failures[:SHOWN_FAILURES]:
        print(failure, file=sys.stderr)
    return 1 if report.failures or not report.answered else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hack.load", description=__doc__)
    parser.add_argument("--url", required=True, help="host:port of Triton")
    parser.add_argument("--protocol", choices=("http", "grpc"), default="http")
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True, help="name of the input tensor")
    parser.add_argument("--shape", required=True, help="its shape without the batch: 3,224,224")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rate", type=float, help="requests per second; default: back to back")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between lines")
    parser.add_argument("--json", action="store_true", help="lines of JSON")
    return parser


def _narrate(
    running: BackgroundLoad,
    seconds: float,
    every: float,
    interrupted: threading.Event,
    *,
    as_json: bool,
) -> None:
    left = seconds
    while left > 0 and not interrupted.wait(min(every, left)):
        left -= every
        if left > 0:
            _say(running.report(last_seconds=every), as_json=as_json)


def _say(report: Report, *, as_json: bool) -> None:
    if not as_json:
        print(report.sentence(), flush=True)
        return
    values = {
        "seconds": round(report.seconds, 1),
        "answered": report.answered,
        "failed": len(report.failures),
        "answersPerSecond": round(report.answers_per_second, 1),
        **{f"p{p}": round(ms, 1) for p, ms in report.latency_milliseconds.items()},
    }
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
