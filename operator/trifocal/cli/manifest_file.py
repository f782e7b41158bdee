"""Reads a ModelDeployment from a YAML file; what is wrong with it becomes sentences."""

from pathlib import Path
from typing import Any

import yaml

from trifocal.api.manifest import InvalidSpec, parse_file
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import KIND


class ManifestFileError(Exception):
    """The file holds no valid ModelDeployment; `problems` are sentences."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_manifest_file(path: Path) -> ModelDeployment:
    """The only ModelDeployment in a file of one or more YAML documents.

    Raises:
        ManifestFileError: With one sentence for each problem.
    """
    try:
        return parse_file(_only_deployment(_documents(path), path))
    except InvalidSpec as error:
        raise ManifestFileError(*(str(problem) for problem in error.problems)) from error


def _documents(path: Path) -> list[Any]:
    try:
        return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestFileError(f"{path}: cannot be read ({error}).") from error
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ManifestFileError(f"{path}: is not YAML ({where}).") from error


def _only_deployment(documents: list[Any], path: Path) -> dict[str, Any]:
    found = [d for d in documents if isinstance(d, dict) and d.get("kind") == KIND]
    if len(found) != 1:
        raise ManifestFileError(
            f"{path}: holds {len(found)} objects of kind {KIND}; it must hold one."
        )
    return dict(found[0])
