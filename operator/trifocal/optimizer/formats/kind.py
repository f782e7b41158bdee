"""What a file is, by its content: the name or the spec may be wrong. Nothing is parsed or run."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trifocal.api.condition import Reason
from trifocal.api.model import Format
from trifocal.artifacts.failure import RefusedError

Kind = Literal[
    "safetensors",
    "torch-exported",
    "torch-pickle",
    "pickle",
    "torchscript",
    "keras",
    "hdf5",
    "saved-model",
    "tflite",
    "onnx",
    "picture",
    "page",
    "archive",
    "nothing",
    "unknown",
]
_NAMES: dict[Kind, str] = {
    "safetensors": "safetensors weights",
    "torch-exported": "a program saved by torch.export",
    "torch-pickle": "a pickle written by torch.save",
    "pickle": "a Python pickle",
    "torchscript": "a TorchScript archive",
    "keras": "a Keras 3 file",
    "hdf5": "an HDF5 file",
    "saved-model": "a TensorFlow SavedModel",
    "tflite": "a LiteRT (TFLite) file",
    "onnx": "an ONNX file",
    "picture": "a picture",
    "page": "a web page, such as a login or an error page",
    "archive": "an archive",
    "nothing": "an empty file",
    "unknown": "none of the formats that are read",
}
_FITTING: dict[Format, frozenset[Kind]] = {
    # An ONNX file has no signature: the import step parses it and says what is wrong.
    "onnx": frozenset({"onnx", "unknown", "nothing", "picture"}),
    "torch-weights": frozenset({"safetensors"}),
    "torch-exported": frozenset({"torch-exported"}),
    "keras": frozenset({"keras", "hdf5"}),
    "saved-model": frozenset({"saved-model"}),
}
_SUGGESTED: dict[Kind, Format] = {
    "safetensors": "torch-weights",
    "torch-exported": "torch-exported",
    "keras": "keras",
    "hdf5": "keras",
    "saved-model": "saved-model",
    "onnx": "onnx",
}
_PICKLES = frozenset({"torch-pickle", "pickle", "torchscript"})
_HEAD = 64
"""Bytes that are looked at."""
_MAX_HEADER = 100 << 20
"""Bytes of a safetensors header; the library's own limit."""


@dataclass(frozen=True, kw_only=True)
class _Signature:
    kind: Kind
    fits: Callable[[bytes], bool]


def _is_safetensors(head: bytes) -> bool:
    return 0 < int.from_bytes(head[:8], "little") <= _MAX_HEADER and head[8:9] == b"{"


def _is_onnx(head: bytes) -> bool:
    # A ModelProto begins with field 1, ir_version, a small varint; exporters then name themselves.
    return head[:1] == b"\x08" and 0 < head[1] < 0x20 and head[2:3] in {b"\x12", b"\x3a", b"\x42"}  # noqa: PLR2004 - ir versions so far


_SIGNATURES = (
    _Signature(kind="nothing", fits=lambda head: not head),
    _Signature(kind="hdf5", fits=lambda head: head.startswith(b"\x89HDF\r\n\x1a\n")),
    _Signature(kind="tflite", fits=lambda head: head[4:8] == b"TFL3"),
    _Signature(kind="safetensors", fits=_is_safetensors),
    _Signature(
        kind="picture",
        fits=lambda head: head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")),
    ),
    _Signature(
        kind="page",
        fits=lambda head: head.lstrip().lower().startswith((b"<!doc", b"<html", b"<?xml")),
    ),
    _Signature(
        kind="archive", fits=lambda head: head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"BZh"))
    ),
    # Protocol 2 and later begin with PROTO and their number; torch.save before 1.6 wrote these.
    _Signature(kind="pickle", fits=lambda head: head[:1] == b"\x80" and 2 <= head[1] <= 5),  # noqa: PLR2004 - protocols
    _Signature(kind="onnx", fits=_is_onnx),
)


def kind_of(path: Path) -> Kind:
    """What a file, or the folder of an unpacked archive, looks like."""
    if path.is_dir():
        return "saved-model" if saved_model_folder(path) else "archive"
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"PK"):
        return _kind_of_zip(path)
    padded = head.ljust(_HEAD, b"\0") if head else head
    return next((it.kind for it in _SIGNATURES if it.fits(padded)), "unknown")


def saved_model_folder(folder: Path) -> Path | None:
    """The folder with saved_model.pb: the archive's top, or the only folder in it."""
    if (folder / "saved_model.pb").is_file():
        return folder
    inner = [it for it in folder.iterdir() if it.is_dir()]
    return inner[0] if len(inner) == 1 and (inner[0] / "saved_model.pb").is_file() else None


def check_kind(path: Path, expected: Format) -> Kind:
    """The file's kind, when it fits the spec's format.

    Raises:
        RefusedError: ModelInvalid: it is something else, or a pickle.
    """
    kind = kind_of(path)
    if kind in _PICKLES:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The source model is {_NAMES[kind]}, which can run any code when it is loaded, so it "
            f"is never opened. Save the weights with safetensors.torch.save_model("
            f"model, 'model.safetensors') and set format to torch-weights, or save "
            f"the program with torch.export.save and set format to torch-exported.",
        )
    if kind not in _FITTING[expected]:
        suggested = _SUGGESTED.get(kind)
        cure = f"set spec.model.format to {suggested}" if suggested else "name the right file"
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"spec.model.format is {expected}, but the source is {_NAMES[kind]}; {cure}.",
        )
    return kind


def _kind_of_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.split("/", 1)[-1] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError, NotImplementedError):
        return "archive"
    if "config.json" in names and any(name.startswith("model.weights") for name in names):
        return "keras"
    if any(name.startswith("models/") and name.endswith(".json") for name in names):
        return "torch-exported"
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return "torchscript"
    if "data.pkl" in names:
        return "torch-pickle"
    return "archive"
