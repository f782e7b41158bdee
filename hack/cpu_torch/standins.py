"""What stands in for each CUDA library: which symbols it must have, and its C source. Pure.

PyTorch's wheel links against CUDA's libraries and cannot be imported without them, although on a
machine without a GPU it calls hardly any. A stand-in has the same soname and the same versioned
symbols, and answers every call with an error code, so that PyTorch finds no GPU and goes on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NO_DRIVER = 35
"""cudaErrorInsufficientDriver: PyTorch then reports that there is no CUDA, and is silent."""

# Not libcuda: only what runs on a GPU loads it, and where one is, the driver brings it.
_LIBRARY = re.compile(r"lib(?!cuda\.)(?:cu|nv|nccl)\w*\.so\.\d+")
_CALL = re.compile(r"_*(?:cu|nv|nccl)\w+")
_NEEDED = re.compile(r"\(NEEDED\).*\[(.+?)\]")
_UNDEFINED = re.compile(r"\s+UND\s+(\S+)")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one shared object asks of others."""

    libraries: frozenset[str]
    """Sonames of CUDA's libraries."""
    symbols: frozenset[str]
    """`name@version`, or `name` where the library has no versions."""


def wanted(dynamic: str, symbols: str) -> Wanted:
    """From the output of `readelf -W -d` and of `readelf -W --dyn-syms`."""
    undefined = (match.group(1) for match in _UNDEFINED.finditer(symbols))
    return Wanted(
        libraries=frozenset(name for name in _NEEDED.findall(dynamic) if _LIBRARY.fullmatch(name)),
        symbols=frozenset(name for name in undefined if _CALL.fullmatch(name.partition("@")[0])),
    )


def standins(objects: Iterable[Wanted]) -> Mapping[str, frozenset[str]]:
    """Symbols by soname. A symbol without a version lies in every library without versions."""
    every = tuple(objects)
    libraries = frozenset().union(*(one.libraries for one in every))
    symbols = frozenset().union(*(one.symbols for one in every))
    by_version: dict[str, set[str]] = {}
    for symbol in symbols:
        name, _, version = symbol.partition("@")
        by_version.setdefault(version, set()).add(name)
    plain = by_version.pop("", set())
    return {
        library: frozenset(by_version.get(_version_of(library), plain))
        for library in sorted(libraries)
    }


def _version_of(library: str) -> str:
    """CUDA names a library's version after its soname; NVSHMEM does otherwise."""
    return "NVSHMEM" if library.startswith("libnvshmem") else library


def c_source(symbols: Iterable[str]) -> str:
    """One function for each symbol."""
    bodies = (f"int {name}(void) {{ return {NO_DRIVER}; }}" for name in sorted(symbols))
    return "\n".join((*bodies, ""))


def version_script(library: str, *, versioned: bool) -> str | None:
    """The linker's version script; None for a library whose symbols have no version."""
    return f"{_version_of(library)} {{ global: *; }};\n" if versioned else None


def is_versioned(library: str, objects: Iterable[Wanted]) -> bool:
    """Whether anybody asks this library for a version."""
    suffix = f"@{_version_of(library)}"
    return any(symbol.endswith(suffix) for one in objects for symbol in one.symbols)
