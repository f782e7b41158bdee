"""Names, labels and annotations of everything that Trifocal creates. One function per child."""

import hashlib
import json
from typing import Any

from trifocal.api.schema import GROUP

FIELD_MANAGER = "trifocal"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "trifocal"
NAME_LABEL = f"{GROUP}/model-deployment"
"""On every child: the ModelDeployment's name."""
COMPONENT_LABEL = "app.kubernetes.io/component"
"""optimization, serving or headroom."""
REVISION_LABEL = f"{GROUP}/revision"
"""On the children of one revision; the Service selects by it."""
PRODUCT_LABEL = f"{GROUP}/product"
"""On a Deployment and its pods, where the spec names several GPU products: which one they are for.
It keeps apart the selectors of Deployments that share a revision."""
REQUEST_ANNOTATION = f"{GROUP}/request"
"""On optimization children: the whole request hash, of which the name holds the first part."""

HASH_LENGTH = 10
"""Hex digits of a hash in a name: 40 bits, enough for one object's history."""

MAX_NAME_LENGTH = 40
"""Longest ModelDeployment name: 63 for a label, less `-opt-`, the hash and a pod's suffix."""


def short_hash(value: Any) -> str:
    """First hex digits of the sha256 of a JSON value in canonical form."""
    return canonical_sha256(value)[:HASH_LENGTH]


def canonical_sha256(value: Any) -> str:
    """Hex sha256 of a JSON value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def optimization(name: str, request_hash: str) -> str:
    """Name of the Job, and of the ConfigMap with its request."""
    return f"{name}-opt-{request_hash.removeprefix('sha256:')[:HASH_LENGTH]}"


def optimization_result(name: str, request_hash: str) -> str:
    """Name of the ConfigMap that keeps a finished Job's result."""
    return recorded_by(optimization(name, request_hash))


def recorded_by(job: str) -> str:
    """The same, by the Job's name."""
    return f"{job}-result"


def revision(name: str, revision_hash: str) -> str:
    """Name of a revision: of its Deployment and its ConfigMap."""
    return f"{name}-{revision_hash[:HASH_LENGTH]}"


def in_names(product: str) -> str:
    """A GPU product as it stands in names: `Tesla-T4` is `tesla-t4`."""
    return product.lower().replace(".", "-").replace("_", "-")


def of_product(revision_name: str, product: str) -> str:
    """Name of a revision's Deployment for one of several GPU products."""
    return f"{revision_name}-{in_names(product)}"


def headroom(name: str) -> str:
    """Name of the Deployment of placeholders; no revision's, for those end in a hash."""
    return f"{name}-headroom"


def labels(name: str, component: str) -> dict[str, str]:
    """Labels of every child."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: component,
        "app.kubernetes.io/name": "trifocal-model",
        "app.kubernetes.io/instance": name,
        NAME_LABEL: name,
    }
