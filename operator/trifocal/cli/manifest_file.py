"""Reads a ModelDeployment from a YAML file; what is wrong with it becomes sentences."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import API_VERSION, KIND


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
    document = _only_deployment(_documents(path), path)
    metadata = document.get("metadata") or {}
    known = {
        "name": metadata.get("name"),
        "namespace": metadata.get("namespace", "default"),
        "uid": "",
    }
    try:
        return ModelDeployment.model_validate({"metadata": known, "spec": document.get("spec")})
    except ValidationError as error:
        problems = [_sentence(problem) for problem in error.errors(include_url=False)]
        raise ManifestFileError(*problems) from error


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
    if found[0].get("apiVersion") != API_VERSION:
        raise ManifestFileError(
            f"apiVersion: is {found[0].get('apiVersion')!r}; it must be {API_VERSION}."
        )
    return dict(found[0])


def _sentence(problem: Any) -> str:
    path = ""
    for part in problem["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = f" (found {given!r})" if isinstance(given, str | int | float) else ""
    if problem["type"] == "missing":
        return f"{path.lstrip('.')}: is required."
    if problem["type"] == "extra_forbidden":
        return f"{path.lstrip('.')}: is not a field; check its spelling."
    return f"{path.lstrip('.')}: {message[0].lower()}{message[1:]}{shown}."
