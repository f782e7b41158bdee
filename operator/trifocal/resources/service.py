"""The Service that clients call: it points at one revision, and switching is one field. Pure."""

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.metadata import Manifest, metadata
from trifocal.resources.revision import COMPONENT, revision_selector


def service(md: ModelDeployment, revision_hash: str) -> Manifest:
    """Named as the ModelDeployment; carries the revision that has the traffic as a label."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            md,
            md.metadata.name,
            COMPONENT,
            labels={names.REVISION_LABEL: revision_hash[: names.HASH_LENGTH]},
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": revision_selector(md, revision_hash),
            "ports": [
                {"name": "http", "port": 8000, "protocol": "TCP", "targetPort": "http"},
                {
                    "name": "grpc",
                    "port": 8001,
                    "protocol": "TCP",
                    "targetPort": "grpc",
                    "appProtocol": "kubernetes.io/h2c",
                },
            ],
        },
    }
