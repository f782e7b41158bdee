"""What the operator costs with a hundred, a thousand and five thousand ModelDeployments.

Everything is real but the nodes: etcd, an API server with an audit log, controllers, a scheduler,
the operator as a process; KWOK plays nodes and pods. Only the scrapes of the scaling loop are left
out: they have a benchmark of their own (benchmarks/scaling_pass.py).

    make bench-reconcile
    uv run --frozen --extra extended python -m benchmarks.reconcile --sizes 100
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks.reconcile import first_pass, soak
from benchmarks.reconcile.client import Client
from benchmarks.reconcile.cluster import whole_cluster
from benchmarks.reconcile.goals import verdicts
from benchmarks.reconcile.rows import Row, as_json, table
from benchmarks.reconcile.steps import Journey
from tests.support.kwok_cluster import NO_SCRAPES

SIZES = (100, 1000, 5000)
PARTS = ("first-pass", "journey", "soak")
USUAL_PARTS = PARTS[:2]


def main() -> int:
    """Run and print; 0 even where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(USUAL_PARTS))
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=10, help="of the part soak")
    parser.add_argument("--qps", type=float, help="the operator's kube_qps; default: its own")
    parser.add_argument("--json", type=Path, help="file for every row")
    options = parser.parse_args()
    settings = dict(NO_SCRAPES)
    if options.qps:
        settings |= {"kube_qps": str(options.qps), "kube_burst": str(int(2 * options.qps))}
    rows = asyncio.run(_collect(options, settings))
    console = Console(width=160, highlight=False)
    console.print(table(rows))
    for verdict in verdicts(rows):
        console.print(f"{'met   ' if verdict.met else 'MISSED'} {verdict.sentence}")
    if options.json:
        options.json.write_text(json.dumps([as_json(row) for row in rows], indent=2))
    return 0


async def _collect(options: argparse.Namespace, settings: dict[str, str]) -> Sequence[Row]:
    rows = []
    async for row in _rows(options, settings):
        sys.stdout.write(json.dumps(as_json(row)) + "\n")
        sys.stdout.flush()
        rows.append(row)
    return rows


async def _rows(options: argparse.Namespace, settings: dict[str, str]) -> AsyncIterator[Row]:
    for size in options.sizes:
        if "first-pass" in options.parts:
            yield await first_pass.of_the_prototype(size)
            yield await first_pass.of_the_operator(size, settings)
        if "journey" in options.parts:
            with whole_cluster(size) as plane, ExitStack() as stack:
                async with Client.of(plane) as client:
                    journey = Journey(plane, client, stack, size, options.idle_seconds, settings)
                    async for row in journey.rows():
                        yield row
        if "soak" in options.parts:
            async for row in soak.rows(size, options.rounds, settings):
                yield row


if __name__ == "__main__":
    raise SystemExit(main())
