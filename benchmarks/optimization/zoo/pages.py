"""Pages: which way up is a scanned page? The example's model and data."""

import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks.optimization.zoo.model import ZooModel, spec

PER_TURN = 10
EXAMPLE = Path(__file__).parents[3] / "examples/page-orientation"


def prepare(folder: Path, per_turn: int = PER_TURN) -> ZooModel:
    """What the example prepares: layouts of training, calibration and evaluation differ.

    Args:
        folder: For the files.
        per_turn: Evaluation pages of each of ten layouts in each of four turns.
    """
    words = ("--out", str(folder), "--training", "--evaluation-pages", str(per_turn))
    subprocess.run(  # noqa: S603 - our own program
        (sys.executable, str(EXAMPLE / "prepare.py"), *words),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    manifest = yaml.safe_load((EXAMPLE / "modeldeployment.yaml").read_text())
    fields = {k: v for k, v in manifest["spec"]["model"].items() if k != "source"}
    source = folder / "model.onnx"
    return ZooModel(
        name="pages",
        spec=spec(source, **fields),
        source=source,
        evaluation=folder / "evaluation.tar",
        calibration=folder / "calibration.tar",
        training=folder / "training.tar",
        truth="rendered pages of ten layouts, labelled",
    )
