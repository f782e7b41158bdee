"""Reads the .pt2 file of torch.export as data: a list of operator calls, and raw tensors. Pure.

Trust: `torch.export.load` of PyTorch 2.14 must not see such a file. It unpickles the sample inputs
(with any class, as its fallback), legacy weights and constants, tensors marked `use_pickle` and
opaque objects; it loads the shared libraries of compiled models; it gives the strings of symbolic
sizes to sympy's eval; and it looks up operators by dotted path, so that a node may call any
function that PyTorch's modules can reach. Here only the JSON and the raw tensors are read: what
is pickled or compiled is left unopened, and refused where the program needs it.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.member_limits import opened_zip, refused
from trifocal.optimizer.importing import MAX_MODEL_BYTES

WHAT = "a program saved by torch.export"
SCHEMA_MAJOR = 8
"""Of torch/_export/serde/schema.py in PyTorch 2.14."""
_STATE_KINDS = {
    "parameter": "parameter_name",
    "buffer": "buffer_name",
    "tensor_constant": "tensor_constant_name",
}
_MODES = frozenset({"train", "training"})
"""Arguments of dropout and of normalizations."""


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A weight or constant as it lies in the file."""

    data: bytes
    dtype: int
    """Number of the schema's ScalarType."""
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    """In elements."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operator call. Arguments and results are the schema's unions: {kind: value}."""

    target: str
    """Dotted path, such as torch.ops.aten.conv2d.default; not resolved here."""
    arguments: tuple[tuple[str, Mapping[str, Any]], ...]
    results: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network as a straight list of calls."""

    state: Mapping[str, StoredTensor]
    """By the name that calls use."""
    image: str
    """Name of the only input."""
    image_sizes: tuple[int | None, ...]
    """Dimensions with the batch; None where they are open."""
    calls: tuple[Call, ...]
    answers: tuple[str, ...]


def read_program(path: Path) -> Program:
    """Read and check a file.

    Raises:
        RefusedError: ModelInvalid: damaged, too large, of another schema, or it needs a pickle.
    """
    with opened_zip(path, WHAT) as archive, _translated():
        root, model = _model_file(archive)
        document = json.loads(archive.read(f"{root}/models/{model}.json"))
        _check_schema(document)
        stored = _Stored(archive, root, model)
        return _program(document["graph_module"], stored)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (
        AttributeError,
        IndexError,
        KeyError,
        RecursionError,
        StopIteration,
        TypeError,
        ValueError,
    ) as error:
        detail = f"{type(error).__name__} {str(error)[:100]}".rstrip()
        raise refused(WHAT, f"it is damaged or of an unknown form ({detail})") from error


def _model_file(archive: ZipFile) -> tuple[str, str]:
    found = [
        parts
        for name in archive.namelist()
        if len(parts := name.split("/")) == 3  # noqa: PLR2004 - root/models/name.json
        and parts[1] == "models"
        and parts[2].endswith(".json")
    ]
    if len(found) != 1:
        raise refused(WHAT, f"it holds {len(found)} programs, and one is needed")
    return found[0][0], found[0][2].removesuffix(".json")


def _check_schema(document: Mapping[str, Any]) -> None:
    major = document["schema_version"]["major"]
    if major != SCHEMA_MAJOR:
        raise refused(
            WHAT,
            f"its schema has the major version {major!r}, and {SCHEMA_MAJOR} is read "
            f"(that of PyTorch 2.14)",
        )


class _Stored:
    """The tensors of one program."""

    def __init__(self, archive: ZipFile, root: str, model: str) -> None:
        self._archive = archive
        self._root = root
        self._configs = {
            folder: self._config(f"{root}/data/{folder}/{model}_{folder}_config.json", folder)
            for folder in ("weights", "constants")
        }
        self._room = MAX_MODEL_BYTES

    def tensor(self, name: str) -> StoredTensor:
        folder = "weights" if name in self._configs["weights"] else "constants"
        entry = self._configs[folder][name]
        if entry["use_pickle"] or not entry["tensor_meta"]:
            raise _pickled(f"'{name}' is stored as a pickle")
        meta = entry["tensor_meta"]
        sizes = tuple(_plain(size) for size in meta["sizes"])
        # A stride of zero repeats one number: what is written out counts, not what is stored.
        self._room -= math.prod(sizes) * 8
        if self._room < 0:
            raise refused(WHAT, f"its tensors need more than {MAX_MODEL_BYTES} bytes")
        return StoredTensor(
            data=self._archive.read(f"{self._root}/data/{folder}/{entry['path_name']}"),
            dtype=int(meta["dtype"]),
            sizes=sizes,
            strides=tuple(_plain(stride) for stride in meta["strides"]),
            offset=_plain(meta["storage_offset"]),
        )

    def _config(self, member: str, folder: str) -> Mapping[str, Any]:
        if member not in self._archive.namelist():
            raise _pickled(f"its {folder} are stored as a pickle, as PyTorch before 2.9 did")
        config: Mapping[str, Any] = json.loads(self._archive.read(member))["config"]
        return config


def _plain(size: Mapping[str, Any]) -> int:
    value = size["as_int"]
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"a size of {value!r}")
    return value


def _pickled(why: str) -> RefusedError:
    return refused(
        WHAT,
        f"{why}, which can run any code when it is loaded, so it is never opened. Load it where "
        f"you trust it, with a current PyTorch",
    )


def _program(module: Mapping[str, Any], stored: _Stored) -> Program:
    graph, signature = module["graph"], module["signature"]
    state, images = _inputs(signature["input_specs"], stored)
    if len(images) != 1:
        raise refused(WHAT, f"it has {len(images)} inputs, and models with one image are served")
    sizes = graph["tensor_values"][images[0]]["sizes"]
    return Program(
        state=state,
        image=images[0],
        image_sizes=tuple(size.get("as_int") for size in sizes),
        calls=tuple(_call(node) for node in graph["nodes"]),
        answers=_answers(signature["output_specs"]),
    )


def _inputs(
    specs: list[Mapping[str, Any]], stored: _Stored
) -> tuple[dict[str, StoredTensor], list[str]]:
    state: dict[str, StoredTensor] = {}
    images = []
    for spec in specs:
        kind, body = next(iter(spec.items()))
        if kind == "user_input" and "as_tensor" in body["arg"]:
            images.append(body["arg"]["as_tensor"]["name"])
        elif kind in _STATE_KINDS:
            state[body["arg"]["name"]] = stored.tensor(body[_STATE_KINDS[kind]])
        else:
            raise refused(WHAT, f"it has an input of kind {kind!r:.40}, and only tensors are read")
    return state, images


def _answers(specs: list[Mapping[str, Any]]) -> tuple[str, ...]:
    names = []
    for spec in specs:
        kind, body = next(iter(spec.items()))
        if kind != "user_output":
            raise _training()
        if "as_tensor" in body["arg"]:
            names.append(body["arg"]["as_tensor"]["name"])
    if not names:
        raise refused(WHAT, "it answers no tensor")
    return tuple(names)


def _training() -> RefusedError:
    return refused(
        WHAT,
        "it was exported in training mode, in which it changes its own weights or answers at "
        "random; call model.eval() before torch.export.export",
    )


def _call(node: Mapping[str, Any]) -> Call:
    if not isinstance(node["target"], str):
        raise TypeError("a target")
    if any(it["name"] in _MODES and it["arg"] == {"as_bool": True} for it in node["inputs"]):
        raise _training()
    return Call(
        target=node["target"],
        arguments=tuple((it["name"], dict(it["arg"])) for it in node["inputs"]),
        results=tuple(dict(it) for it in node["outputs"]),
    )
