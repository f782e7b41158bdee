"""What docs/autoscalers.md advises is what the other tests run."""

import json
from typing import Any

import pytest
import yaml

from hack.cluster.paths import REPOSITORY
from tests.autoscalers.machines import gpu_pool
from tests.support.control_plane import ControlPlane

Manifest = dict[str, Any]


@pytest.fixture(name="examples")
def _examples() -> dict[str, Manifest]:
    """The objects of the page by kind."""
    blocks = (REPOSITORY / "docs/autoscalers.md").read_text().split("```yaml\n")[1:]
    found = [yaml.safe_load(block.partition("```")[0]) for block in blocks]
    return {each["kind"]: each for each in found if "kind" in each}


def test_the_pages_node_pool_has_the_labels_and_taints_of_the_tested_one(
    examples: dict[str, Manifest],
) -> None:
    page, tested = examples["NodePool"], gpu_pool("l4", "spot", "on-demand")
    advised, used = page["spec"]["template"], tested["spec"]["template"]
    assert advised["metadata"] == used["metadata"]
    assert advised["spec"]["taints"] == used["spec"]["taints"]
    assert advised["spec"]["requirements"][1:] == used["spec"]["requirements"][1:]


@pytest.mark.parametrize("kind", ["NodePool", "HorizontalPodAutoscaler"])
def test_a_cluster_takes_the_pages_objects(
    plane: ControlPlane, examples: dict[str, Manifest], kind: str
) -> None:
    made = examples[kind]
    made["metadata"]["name"] = "of-the-page"
    plane.must("create", "--dry-run=server", "-f", "-", stdin=json.dumps(made))
