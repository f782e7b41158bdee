"""Real pages, asked of Triton through the Service, with what they are and what it says."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from tritonclient import http

from hack.demo.data import data_folder
from hack.demo.deployment import manifest
from hack.demo.kube import NAME, NAMESPACE, Kube
from hack.demo.problem import DemoError
from trifocal.optimizer.preprocessing import image_reader
from trifocal.triton.arguments import HTTP_PORT

LEAST_RIGHT = 0.8
"""Share of the few samples; below it the chain is broken, not the model unlucky."""


def samples() -> Iterator[tuple[Path, str]]:
    """Image files with their true labels."""
    folder = data_folder() / "samples"
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            yield folder / row["file"], row["label"]


def classify(kube: Kube, console: Console) -> str:
    """A table of answers."""
    model = manifest().spec.model
    reader = image_reader(model)
    table = Table(title=f"Pages asked of Triton (service {NAME})")
    for column in ("page", "turned by", "answer", "score", "ms", ""):
        table.add_column(column, justify="left" if column in ("page", "") else "right")
    right = total = 0
    with kube.forwarded(f"service/{NAME}", HTTP_PORT) as address:
        client = http.InferenceServerClient(address)
        for path, truth in samples():
            tensor = http.InferInput(model.inputs[0].name, [1, *model.inputs[0].shape], "FP32")
            tensor.set_data_from_numpy(reader.read(path)[np.newaxis])
            began = time.monotonic()
            scores = first_output(client.infer(NAME, [tensor]))
            took = (time.monotonic() - began) * 1000
            answer = model.labels[int(np.argmax(scores))]
            total, right = total + 1, right + (answer == truth)
            mark = "right" if answer == truth else "[red]wrong"
            score = f"{np.max(scores):.3f}"
            table.add_row(path.name, truth, answer, score, f"{took:.1f}", mark)
        client.close()
    console.print(table)
    if right < LEAST_RIGHT * total:
        raise DemoError(
            f"Triton read {right} of {total} pages right.",
            f"kubectl -n {NAMESPACE} get mdep {NAME} -o yaml",
        )
    return f"{right} of {total} right"


def first_output(result: http.InferResult) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """The scores of one page."""
    name = result.get_response()["outputs"][0]["name"]
    scores: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = result.as_numpy(name)[0]
    return scores
