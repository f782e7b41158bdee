"""The YAML examples of docs/gitops.md, so that what the page advises is what tests run."""

from typing import Any

import yaml

from hack.cluster.paths import REPOSITORY

_PAGE = REPOSITORY / "docs/gitops.md"


def example(field: str) -> Any:
    """The value of this field of a Kustomization's spec, in the first example that has it.

    Raises:
        LookupError: no example has it.
    """
    blocks = _PAGE.read_text().split("```yaml\n")[1:]
    for block in blocks:
        found = yaml.safe_load(block.partition("```")[0])
        if found.get("kind") == "Kustomization" and field in found["spec"]:
            return found["spec"][field]
    raise LookupError(field)
