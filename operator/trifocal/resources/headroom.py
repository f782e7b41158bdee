"""The Deployment of placeholders, which keep places free for serving pods. Pure.

A placeholder is a serving pod without its work: the same containers by name, image and resources,
on the same nodes, so that a serving pod fits wherever a placeholder was, and every image that it
needs has been pulled there. Of a cold start on a new node that leaves the fetch and the load.
"""

from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources import pod
from trifocal.resources.metadata import Manifest, metadata
from trifocal.settings import Settings

COMPONENT = "headroom"

_PLACEMENT = ("affinity", "nodeSelector", "runtimeClassName", "tolerations")
"""What decides on which nodes a pod may run. Claims are left out, though they may bind a pod to a
zone: the attach controller would attach a disk for one writer to the placeholder's node."""
_SIZE = ("image", "imagePullPolicy", "name", "resources", "restartPolicy")
"""What of a container decides the room that its pod takes, and what has to be pulled."""
_WAIT = ["sleep", "infinity"]
"""In every image with GNU coreutils, as NVIDIA's are. Where it is missing the container crashes,
and its pod holds the place all the same."""
_DONE = ["true"]
_NO_DEADLINE = 2**31 - 1
"""progressDeadlineSeconds that means none (kubernetes: pkg/controller/deployment/util,
HasProgressDeadline): to wait for a node is all that a placeholder is there for."""


def headroom_selector(md: ModelDeployment) -> dict[str, str]:
    """Labels of the placeholders: neither the Service, the budget nor a policy selects them."""
    return {names.NAME_LABEL: md.metadata.name, names.COMPONENT_LABEL: COMPONENT}


def headroom_deployment(
    md: ModelDeployment, serving: Any, replicas: int, settings: Settings
) -> Manifest:
    """The placeholders.

    Args:
        md: whose pods they make way for.
        serving: the Deployment of the revision whose pods they are shaped after.
        replicas: how many.
        settings: names the PriorityClass.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(md, names.headroom(md.metadata.name), COMPONENT),
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": _NO_DEADLINE,
            "revisionHistoryLimit": 0,
            # Of another shape: the old ones go first, or both would hold devices.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": headroom_selector(md)},
            "template": {
                "metadata": {"labels": names.labels(md.metadata.name, COMPONENT)},
                "spec": _pod(serving["spec"]["template"]["spec"], settings),
            },
        },
    }


def _pod(serving: Any, settings: Settings) -> dict[str, Any]:
    return {
        **pod.pod_settings(serving["serviceAccountName"]),
        **{key: serving[key] for key in _PLACEMENT if key in serving},
        "priorityClassName": settings.headroom_priority_class,
        # There is nothing to finish: who takes the place need not wait.
        "terminationGracePeriodSeconds": 0,
        "initContainers": [_idle(each) for each in serving.get("initContainers", ())],
        "containers": [_idle(each, _WAIT) for each in serving["containers"]],
    }


def _idle(container: Any, command: list[str] | None = None) -> dict[str, Any]:
    """The container without its work. An init container ends at once, unless it is a sidecar."""
    stays = container.get("restartPolicy") == "Always"
    return {
        **{key: container[key] for key in _SIZE if key in container},
        "command": list(command or (_WAIT if stays else _DONE)),
        "securityContext": pod.container_security(),
    }
