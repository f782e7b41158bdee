"""The children of example ModelDeployments, field by field, as reviewed."""

from pathlib import Path

import pytest

from tests.golden.render import INPUTS, output_of, render


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_the_children_are_those_that_were_reviewed(path: Path) -> None:
    assert render(path) == output_of(path).read_text(), (
        "The manifests changed. If that is meant, run `python -m tests.golden.render` and review "
        "the diff."
    )
