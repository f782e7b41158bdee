"""What one model of the zoo brings: its file, its manifest's parts and its data. Pure values."""

import csv
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from trifocal.api.model import ModelSpec
from trifocal.optimizer.contract import ResolvedLocation


@dataclass(frozen=True, kw_only=True)
class ZooModel:
    """A model with everything that an optimization of it needs."""

    name: str
    spec: ModelSpec
    source: Path
    evaluation: Path
    calibration: Path
    training: Path | None = None
    unlabelled: Path | None = None
    truth: str
    """What the labels of its evaluation data are."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One image of an archive."""

    name: str
    image: Image.Image
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of labels.csv, besides `file`."""


def write_archive(
    path: Path, pictures: Iterable[Picture], extra: Mapping[str, bytes] | None = None
) -> Path:
    """A .tar of PNG files with their labels.csv; `extra` are more files by name."""
    rows: list[dict[str, str]] = []
    with tarfile.open(path, "w") as archive:
        for picture in pictures:
            buffer = io.BytesIO()
            picture.image.save(buffer, "PNG")
            add(archive, picture.name, buffer.getvalue())
            rows.append({"file": picture.name, **picture.columns})
        if rows and len(rows[0]) > 1:
            add(archive, "labels.csv", _table(rows))
        for name, content in (extra or {}).items():
            add(archive, name, content)
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """One file; no times, so that equal content has equal bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _table(rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def located(path: Path) -> ResolvedLocation:
    """A file as a Job sees it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ResolvedLocation(uri=path.absolute().as_uri(), digest=f"sha256:{digest}")


def spec(source: Path, **fields: Any) -> ModelSpec:
    """The manifest's `spec.model`; keywords are its fields."""
    place = {"uri": "file:///model", "claimName": "zoo", "digest": located(source).digest}
    return ModelSpec.model_validate({"source": place, **fields})
