"""Trifocal and its simulator against real Triton pods on the local cluster.

    make bench-cluster
    uv run --frozen --extra extended python -m benchmarks.cluster replay --minutes 1
    uv run --frozen --extra extended python -m benchmarks.cluster ramp --balancing shared

`replay` sends a Poisson load to fixed numbers of pods and plays the same arrivals in the
simulator. `ramp` lets Trifocal and a real HPA scale the same model under the same load. Both need
root and a quiet machine, and start the local cluster if it does not run.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.cluster import plot, ramp, replay
from benchmarks.cluster.stage import Stage, stage
from trifocal.autoscaling.balancing import Balancing

BALANCINGS: tuple[Balancing, ...] = ("shared", "blind")


def main() -> int:
    """Run, print, and write the JSON; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="replay | ramp", help="default: both")
    parser.add_argument("--minutes", type=float, default=6, help="of each utilisation's replay")
    parser.add_argument("--utilisations", nargs="+", type=float, default=replay.UTILISATIONS)
    parser.add_argument("--balancing", nargs="+", choices=BALANCINGS, default=["shared"])
    parser.add_argument("--scale", type=float, default=1.0, help="of the ramp's time")
    parser.add_argument("--json", type=Path, help="file for every figure")
    parser.add_argument("--plots", type=Path, help="folder for a picture of each ramp")
    options = parser.parse_args()
    parts = options.parts or ["replay", "ramp"]
    if unknown := set(parts) - {"replay", "ramp"}:
        parser.error(f"{', '.join(sorted(unknown))}: the parts are replay and ramp.")
    console = Console(width=200, highlight=False)
    figures: dict[str, object] = {}
    with stage(console) as place:
        if "replay" in parts:
            figures["replay"] = _replay(place, options)
        if "ramp" in parts:
            figures["ramp"] = _ramp(place, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _replay(place: Stage, options: argparse.Namespace) -> object:
    rows = asyncio.run(replay.replay(place, 60 * options.minutes, options.utilisations))
    place.console.print(replay.table(rows))
    place.console.print(replay.summary(rows))
    return replay.as_json(rows)


def _ramp(place: Stage, options: argparse.Namespace) -> object:
    outcomes = []
    for balancing in options.balancing:
        place.clear()
        outcome = asyncio.run(ramp.ramp(place, balancing, options.scale))
        place.console.print(ramp.table(outcome))
        for line in ramp.course(outcome):
            place.console.print(line, markup=False)
        if options.plots:
            options.plots.mkdir(parents=True, exist_ok=True)
            plot.save(outcome, options.plots / f"ramp-{balancing}.png")
        outcomes.append(outcome)
    return ramp.as_json(outcomes)


if __name__ == "__main__":
    sys.exit(main())
