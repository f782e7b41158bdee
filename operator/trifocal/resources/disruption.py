"""The PodDisruptionBudget over the serving pods. Pure."""

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.metadata import Manifest, metadata
from trifocal.resources.revision import serving_selector
from trifocal.resources.serving_pod import COMPONENT


def pod_disruption_budget(md: ModelDeployment) -> Manifest:
    """A drained node takes one serving pod at a time, of all revisions together.

    `maxUnavailable` and not `minAvailable`: with one replica a node can still be drained.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(md, md.metadata.name, COMPONENT),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": serving_selector(md)},
            # A pod that never became ready protects nobody; without this it blocks the drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
