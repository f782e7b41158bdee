"""Pages: which way up is a scanned page? The example's model and data."""

import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks.optimization.zoo.model import ZooModel, spec

EXAMPLE = Path(__file__).parents[3] / "examples/page-orientation"


def prepare(folder: Path) -> ZooModel:
    """What the example prepares: layouts of training, calibration and evaluation differ."""
    subprocess.run(  # noqa: S603 - our own program
        (sys.executable, str(EXAMPLE / "prepare.py"), "--out", str(folder), "--training"),
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
