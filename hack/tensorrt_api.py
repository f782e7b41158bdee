"""Compares a TensorRT with what the optimizer uses of it: python -m hack.tensorrt_api [MODULE].

No GPU is needed: only signatures are read. MODULE is `tensorrt` (default), or another package with
its API. --record writes the signatures to a file; the tests keep such files of several versions,
because the libraries (over 1 GB) do not belong in a test's environment.
"""

import argparse
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trifocal.optimizer.runtimes.tensorrt import api

_CLASSES: tuple[type, ...] = (
    api.Builder,
    api.IBuilderConfig,
    api.ICudaEngine,
    api.IExecutionContext,
    api.INetworkDefinition,
    api.IOptimizationProfile,
    api.ITimingCache,
    api.OnnxParser,
    api.ParserError,
    api.Runtime,
)
_VALUES = {
    "MemoryPoolType": ("WORKSPACE",),
    "NetworkDefinitionCreationFlag": ("STRONGLY_TYPED",),
    "TensorIOMode": ("INPUT",),
}
_SEVERITIES = ("INTERNAL_ERROR", "ERROR", "WARNING")
_OVERRIDDEN = {
    "ILogger": ("log",),
    "IProgressMonitor": ("phase_start", "step_complete", "phase_finish"),
}
"""Methods that the library calls."""
_SIGNATURE = re.compile(r"^(?:[0-9]+\. )?\w+\((?P<arguments>.*)\)(?: -> .+)?$", re.MULTILINE)
_ARGUMENT = re.compile(r"(?:^|, )(\w+):")

Surface = Mapping[str, Sequence[str]]
"""Signatures by name, such as "Builder.create_network"; a property has none."""


def main(arguments: Sequence[str]) -> int:
    """Print what is missing; 0 if nothing is."""
    parser = argparse.ArgumentParser(prog="python -m hack.tensorrt_api", description=__doc__)
    parser.add_argument("module", nargs="?", default="tensorrt")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parsed = parser.parse_args(arguments)
    module = importlib.import_module(parsed.module)
    surface = read_surface(module)
    if parsed.record:
        text = json.dumps({"version": module.__version__, "surface": surface}, indent=1)
        parsed.record.write_text(text + "\n", encoding="utf-8")
    found = list(missing(surface))
    print(*found or [f"{parsed.module} {module.__version__} has all that is used"], sep="\n")
    return 1 if found else 0


def read_surface(module: Any) -> Surface:
    """Of the members that are used, those that the module has."""
    owners = {"": module} | {name.split(".")[0]: None for name, _ in _used()}
    owners |= {name: getattr(module, name, None) for name in owners if name}
    found = {}
    for name, _ in _used():
        owner, _, member = name.rpartition(".")
        value = inspect.getattr_static(owners[owner], member, None) if owners[owner] else None
        if value is not None:
            found[name] = _signatures(getattr(owners[owner], member))
    return found


def missing(surface: Surface) -> Iterator[str]:
    """A line for each member that is absent or takes other arguments."""
    for name, arguments in _used():
        if name not in surface:
            yield f"{name} is missing"
        elif arguments is not None and not any(
            _takes(signature, arguments) for signature in surface[name]
        ):
            yield f"{name} takes {surface[name]} and not {list(arguments)}"


def _used() -> Iterator[tuple[str, Sequence[str] | None]]:
    """Names, and the names of a method's arguments without self; None where they do not matter."""
    for owner in _CLASSES:
        for member in (*owner.__annotations__, *vars(owner)):
            if not member.startswith("_"):
                method = vars(owner).get(member)
                yield (
                    f"{owner.__name__}.{member}",
                    list(inspect.signature(method).parameters)[1:] if method else None,
                )
    for owner_name, members in (_VALUES | _OVERRIDDEN).items():
        for member in members:
            yield f"{owner_name}.{member}", None
    for severity in _SEVERITIES:
        yield f"ILogger.{severity}", None
    yield "nptype", None


def _signatures(value: Any) -> list[str]:
    """From the first lines of what pybind writes as documentation."""
    if not callable(value):
        return []
    lines = _SIGNATURE.finditer(inspect.getdoc(value) or "")
    return [re.sub(r"\b\w+\.tensorrt(?:_rtx)?\.", "", match[0]) for match in lines]


def _takes(signature: str, arguments: Sequence[str]) -> bool:
    """Whether a call with these arguments, in this order or by name, fits."""
    match = _SIGNATURE.match(signature)
    names = _ARGUMENT.findall(match["arguments"]) if match else []
    return names[1 : 1 + len(arguments)] == list(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
