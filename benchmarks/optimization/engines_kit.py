"""The zoo in a folder: models as ONNX beside their data, for a machine that can fetch nothing.

A machine with a GPU often has neither the registries that the models come from nor the libraries
that convert them.
"""

import json
import shutil
from pathlib import Path

from benchmarks.optimization.requests import ROLES, request_for
from benchmarks.optimization.zoo.model import ZooModel, spec
from trifocal.optimizer.preparation import prepare
from trifocal.optimizer.sources import fetch_sources

_DESCRIPTION = "model.json"
_CONVERTED = ("source", "format", "architecture")
"""Fields of spec.model that say how the source was written."""


def pack(model: ZooModel, folder: Path, scratch: Path) -> None:
    """Write a model of the zoo, converted to ONNX, and its data."""
    folder.mkdir(parents=True)
    request = request_for(model, ("onnxruntime",), scratch)
    prepared = prepare(request, fetch_sources(request, scratch, lambda _s, _d: None), scratch)
    shutil.copy(prepared.model.path, folder / "model.onnx")
    files = {role: path for role in ROLES if (path := getattr(model, role)) is not None}
    for role, path in files.items():
        shutil.copy(path, folder / f"{role}.tar")
    fields = model.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name in _CONVERTED:
        fields.pop(name, None)
    described = {"name": model.name, "truth": model.truth, "spec": fields, "data": list(files)}
    (folder / _DESCRIPTION).write_text(json.dumps(described, indent=1))


def unpack(folder: Path, *, without: tuple[str, ...] = ()) -> ZooModel:
    """Read what `pack` wrote, less the data of some roles."""
    described = json.loads((folder / _DESCRIPTION).read_text())
    source = folder / "model.onnx"
    data = {role: folder / f"{role}.tar" for role in described["data"] if role not in without}
    return ZooModel(
        name=described["name"],
        spec=spec(source, **described["spec"]),
        source=source,
        truth=described["truth"],
        **data,
    )
