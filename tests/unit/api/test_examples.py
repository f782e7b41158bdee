"""Every ModelDeployment in examples/ is one that Trifocal takes."""

from pathlib import Path

import pytest
import yaml

from trifocal.api.manifest import parse_file
from trifocal.api.schema import KIND

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(EXAMPLES.rglob("modeldeployment*.yaml"))


def test_there_is_an_example() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_it_parses(path: Path) -> None:
    documents = yaml.safe_load_all(path.read_text())
    found = [parse_file(each) for each in documents if each["kind"] == KIND]
    assert found
