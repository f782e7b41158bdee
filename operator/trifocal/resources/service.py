"""The Service that clients call: it points at one revision, and switching is one field. Pure."""

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.metadata import Manifest, metadata
from trifocal.resources.revision import revision_selector
from trifocal.resources.serving_pod import COMPONENT
from trifocal.triton.arguments import GRPC_PORT, HTTP_PORT


def service(md: ModelDeployment, revision: str) -> Manifest:
    """Named as the ModelDeployment; carries the revision that has the traffic as a label."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            md,
            md.metadata.name,
            COMPONENT,
            labels={names.REVISION_LABEL: revision[: names.HASH_LENGTH]},
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": revision_selector(md, revision),
            # By number: a sidecar's named port is not found by every release.
            "ports": [
                {"name": "http", "port": HTTP_PORT, "protocol": "TCP", "targetPort": HTTP_PORT},
                {
                    "name": "grpc",
                    "port": GRPC_PORT,
                    "protocol": "TCP",
                    "targetPort": GRPC_PORT,
                    "appProtocol": "kubernetes.io/h2c",
                },
            ],
        },
    }
