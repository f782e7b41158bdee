"""What bugs replace and what the launcher shortens is still there under that name."""

from importlib import import_module
from typing import Any

import pytest

from tests.faults.bugs import BUGS
from tests.faults.launcher import PACE


@pytest.mark.parametrize("where", [*(bug.where for bug in BUGS.values()), *PACE])
def test_the_attribute_exists(where: str) -> None:
    module, _, path = where.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)


@pytest.mark.parametrize("where", PACE)
def test_what_is_shortened_was_longer(where: str) -> None:
    module, _, name = where.partition(":")
    assert getattr(import_module(module), name) > PACE[where]
