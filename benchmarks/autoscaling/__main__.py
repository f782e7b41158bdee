"""Trifocal's scaling policy against the published ones, request by request, by its goals.

Recorded loads are read from ../shared/traces, next to the checkout; those that are not there are
named and skipped. Everything but the CPU times is the same on every run.

    make bench-autoscaling
    uv run --frozen --extra extended python -m benchmarks.autoscaling --quick
"""

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.autoscaling.bench import Bench, Size
from benchmarks.autoscaling.goals import OURS
from benchmarks.autoscaling.sections import SECTIONS
from benchmarks.autoscaling.tables import line
from trifocal.autoscaling.simulation.synthetic import SHAPES
from trifocal.cli.simulate.line_up import ALL, NAMES

FULL = Size(
    cold_starts=(35.0, 120.0, 300.0),
    seeds=(7, 42, 99),
    faro_rows=None,
    nab_rows=720,
    shapes=tuple(SHAPES),
    timed="diurnal",
    study_minutes=240,
    study_requests=30_000,
)
"""Of each long series 720 rows about its peak: at 40 pods a minute has 13,000 requests."""
QUICK = Size(
    cold_starts=(35.0,),
    seeds=(7,),
    faro_rows=60,
    nab_rows=60,
    shapes=("step", "flash5x", "sawtooth", "silence"),
    timed="sawtooth",
    study_minutes=30,
    study_requests=5_000,
)
"""Whether everything works; no goal is judged by an hour."""


def main() -> int:
    """Run, print, and write the JSON; 0 even where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, an hour of each load")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--policies", nargs="+", choices=NAMES, default=list(ALL))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for every row")
    options = parser.parse_args()
    bench = Bench(
        size=QUICK if options.quick else FULL,
        policies=tuple(options.policies),
        processes=options.processes,
        console=Console(width=180, highlight=False),
    )
    verdicts = []
    for name in options.sections:
        begin = time.monotonic()
        verdicts += SECTIONS[name](bench)
        bench.console.print(f"{name}: {time.monotonic() - begin:.0f} s\n")
    if OURS not in bench.policies:
        bench.console.print(f"No goals are judged: {OURS} was not played.")
    elif options.quick:
        bench.console.print("The goals are those of the full run; this was an hour of each load.")
    for verdict in verdicts:
        bench.console.print(line(verdict), markup=False)
    if options.json:
        options.json.write_text(json.dumps(bench.rows, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
