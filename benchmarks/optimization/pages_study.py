"""Page orientation with half of its channels, tuned on varied pages: what each layout loses.

uv run --frozen --extra extended python -m benchmarks.optimization.pages_study
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.optimization.muted import muted
from benchmarks.optimization.requests import request_for
from benchmarks.optimization.study import line, study
from benchmarks.optimization.zoo import pages
from trifocal.optimizer.recipe import Pruned, Recipe

HALF = Pruned(method="structured", ratio=0.5)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--pages-per-turn", type=int, default=50, help="of each layout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = pages.prepare(Path(folder), options.pages_per_turn)
        request = request_for(
            model,
            ("onnxruntime",),
            Path(folder),
            fine_tuning={"epochs": options.epochs, "batchSize": 32},
        )
        recipe = Recipe(runtime="onnxruntime", precision="fp32", compression=HALF)
        with muted():
            found = study(request, (recipe,))
        for finding in found:
            print(line(finding), flush=True)  # noqa: T201 - a command line program


if __name__ == "__main__":
    main()
