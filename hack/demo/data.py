"""The example's data: made on this machine, copied to a claim through a pod that mounts it."""

import os
import subprocess
from pathlib import Path

from rich.console import Console

from hack.cluster.paths import cache_dir
from hack.demo.kube import Kube
from hack.demo.pod import PodPlan, running_pod
from hack.demo.program import ROOT, run_python

EXAMPLE = ROOT / "examples" / "page-orientation"
FILES = ("model.onnx", "calibration.tar", "evaluation.tar")
CLAIM = "page-orientation-data"
MOUNT = "/data"
LOADER_LIFE_SECONDS = 600
"""The loader ends by itself if the demo cannot delete it."""


def data_folder() -> Path:
    """Kept between runs, since the same commands give the same bytes."""
    return cache_dir() / "page-orientation"


def prepare_data(_kube: Kube, console: Console) -> str:
    """Model, pages and the manifest that pins them."""
    script = str(EXAMPLE / "prepare.py")
    run_python(console, script, "--out", str(data_folder()), environment=os.environ)
    return str(data_folder())


def load_data(kube: Kube, _console: Console) -> str:
    """Two claims, the first filled with the files."""
    kube.kubectl("apply", "--filename", str(EXAMPLE / "claims.yaml"))
    plan = PodPlan(
        name="demo-loader",
        command=("sleep", str(LOADER_LIFE_SECONDS)),
        volume={"persistentVolumeClaim": {"claimName": CLAIM}},
        mount=MOUNT,
        environment={},
        cpu_limit="1",
    )
    with running_pod(kube, plan) as pod:
        # The files are tarred here and untarred there, as `kubectl cp` does, but all at once.
        packed = subprocess.run(
            ("tar", "--create", "--directory", str(data_folder()), *FILES),
            capture_output=True,
            check=True,
        ).stdout
        kube.kubectl(
            *("exec", "--stdin", pod, "--", "tar", "--extract", "--directory", MOUNT),
            *("--touch", "--no-same-owner", "--no-same-permissions"),
            stdin=packed,
        )
    return f"{len(packed) / 1e6:.0f} MB on claim {CLAIM}"
