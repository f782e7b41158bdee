"""The tail is policed: no module over 400 lines, no function over 60, no forbidden names."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common"}

SOURCES = sorted(
    path for folder in ("operator", "hack", "examples") for path in (ROOT / folder).rglob("*.py")
)


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_and_its_functions_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES
    assert [f for f in _functions(path) if f[1] > MAX_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_says_first_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_names_come_from_the_domain() -> None:
    parts = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & FORBIDDEN_NAMES == set()


def test_operator_folder_stays_no_package() -> None:
    """`operator` is a standard-library module; a package here would shadow it."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert [p.name for p in (ROOT / "operator").iterdir() if p.is_dir()] == ["trifocal"]


def test_nothing_imports_another_module_by_patching_names_in_tests() -> None:
    """Fakes implement a Protocol; a patched name breaks on every move."""
    needle = "patch" + "("
    offenders = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__) and f"mock.{needle}" in path.read_text()
    ]
    assert offenders == []
