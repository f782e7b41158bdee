"""The pods of a revision: fetch the artifact, then Triton behind its HTTP front. Pure."""

from copy import deepcopy
from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources import locations, pod
from trifocal.resources.locations import Place
from trifocal.resources.placement import placement
from trifocal.resources.quantity import resource_requirements
from trifocal.settings import Settings
from trifocal.triton.arguments import (
    EXIT_TIMEOUT_SECONDS,
    GRPC_PORT,
    HTTP_PORT,
    MAX_CONNECTION_AGE_SECONDS,
    METRICS_PORT,
    server_arguments,
)
from trifocal.triton.images import TritonImage
from trifocal.triton.repository import CONFIG_FILE, FRONT_FILE, PROGRAM_FILE

COMPONENT = "serving"
TRITON_CONTAINER = "triton"
FETCH_CONTAINER = "fetch"
FRONT_CONTAINER = "front"

LOCAL_VOLUMES = ("models", "tmp", "front-tmp", "shm")
"""Volumes on the node's disk or in its memory."""

_MODELS = "/models"
_CONFIG = "/config"
_FRONT_CONFIG = "/etc/trifocal"
_STORE = "/store"

_ENDPOINT_PROPAGATION_SECONDS = 5
"""Until every node's proxy has taken a deleted pod out of the Service; seconds on big clusters."""
_SLOWEST_ANSWER_SECONDS = 5
"""The last connections are closed after an answer; one that takes longer is still answered, within
Triton's exit timeout."""
PRE_STOP_SECONDS = (
    _ENDPOINT_PROPAGATION_SECONDS + MAX_CONNECTION_AGE_SECONDS + _SLOWEST_ANSWER_SECONDS
)
"""Pause before SIGTERM, after which new connections are refused (docs/design/drain.md)."""
_UNLOAD_SECONDS = 15
"""Triton takes 2 to 6 s to unload the model once the last request is answered."""
TERMINATION_GRACE_SECONDS = PRE_STOP_SECONDS + EXIT_TIMEOUT_SECONDS + _UNLOAD_SECONDS

_LOAD_SECONDS = 900
"""Longest time that loading a model and warming it up may take."""
_PROBE_SECONDS = 2

_SHARED_MEMORY = "1Gi"
"""NVIDIA's own recommendation for containers (--shm-size); only what is used counts."""
_SCRATCH = "1Gi"
_FRONT_SCRATCH = "16Mi"
"""The front writes its process id and nothing else."""

_FETCH_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "512Mi"},
}
_FRONT_RESOURCES = {
    "requests": {"cpu": "50m", "memory": "32Mi"},
    "limits": {"memory": "256Mi"},
}
"""A worker of nginx takes 5 MB, and a connection at most a few buffers of 16 KB."""


def pod_spec(
    md: ModelDeployment, config_map: str, artifact: str, image: TritonImage, settings: Settings
) -> dict[str, Any]:
    """The spec of a serving pod.

    `front` is a sidecar (an init container that stays): it starts before Triton and gets its
    SIGTERM after Triton has exited, so it never sends a client away that Triton could answer.
    """
    serving = md.spec.serving
    store = Place(role="store", location=md.spec.artifacts, path=_STORE)
    return {
        **pod.pod_settings(md.spec.service_account_name),
        **placement(serving.accelerator),
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        "initContainers": [_fetch(md.metadata.name, artifact, store, settings), _front(settings)],
        "containers": [_triton(md, image, settings)],
        "volumes": _volumes(config_map, store, image),
    }


def _volumes(config_map: str, store: Place, image: TritonImage) -> list[dict[str, Any]]:
    keys = (CONFIG_FILE, PROGRAM_FILE) if image.backend == "python" else (CONFIG_FILE,)
    return [
        _file_volume("config", config_map, keys),
        _file_volume("front-config", config_map, (FRONT_FILE,)),
        {"name": "models", "emptyDir": {}},
        pod.scratch_volume("tmp", _SCRATCH),
        pod.scratch_volume("front-tmp", _FRONT_SCRATCH),
        pod.memory_volume("shm", _SHARED_MEMORY),
        *locations.volumes((store,)),
    ]


def _file_volume(name: str, config_map: str, keys: tuple[str, ...]) -> dict[str, Any]:
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "configMap": {"name": config_map, "items": items}}


def _fetch(model: str, artifact: str, store: Place, settings: Settings) -> dict[str, Any]:
    arguments = ["fetch", "--store", store.uri]
    if store.location.endpoint is not None:
        arguments += ["--endpoint", store.location.endpoint]
    if store.credentials_dir is not None:
        arguments += ["--credentials-dir", store.credentials_dir]
    arguments += ["--artifact", artifact, "--name", model]
    arguments += ["--config", _CONFIG, "--models", _MODELS]
    return {
        "name": FETCH_CONTAINER,
        "image": settings.operator_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["trifocal"],
        "args": arguments,
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - the pod's own volume
        "resources": deepcopy(_FETCH_RESOURCES),
        "securityContext": pod.container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            pod.mount("config", _CONFIG, read_only=True),
            pod.mount("models", _MODELS),
            pod.mount("tmp", "/tmp"),  # noqa: S108
            *locations.mounts((store,)),
        ],
    }


def _front(settings: Settings) -> dict[str, Any]:
    return {
        "name": FRONT_CONTAINER,
        "image": settings.operator_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",
        "command": ["nginx", "-e", "stderr", "-c", f"{_FRONT_CONFIG}/{FRONT_FILE}"],
        "ports": [{"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}],
        "resources": deepcopy(_FRONT_RESOURCES),
        "securityContext": pod.container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            pod.mount("front-config", _FRONT_CONFIG, read_only=True),
            pod.mount("front-tmp", "/tmp"),  # noqa: S108
        ],
    }


def _triton(md: ModelDeployment, image: TritonImage, settings: Settings) -> dict[str, Any]:
    serving = md.spec.serving
    accelerator = serving.accelerator
    devices = {accelerator.resource: accelerator.count} if accelerator else {}
    key = names.canonical_sha256([md.metadata.uid, md.metadata.name])[:32]
    return {
        "name": TRITON_CONTAINER,
        "image": image.reference,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["tritonserver"],
        "args": [
            f"--model-repository={_MODELS}",
            *server_arguments(image, restricted_key=key),
        ],
        "env": [
            {"name": "HOME", "value": "/tmp"},  # noqa: S108
            pod.threads_variable(TRITON_CONTAINER),
        ],
        "ports": [
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": resource_requirements(serving.resources, devices),
        "securityContext": pod.container_security(),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        **_probes(md.metadata.name),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            pod.mount("models", _MODELS, read_only=True),
            pod.mount("tmp", "/tmp"),  # noqa: S108
            pod.mount("shm", "/dev/shm"),  # noqa: S108
        ],
    }


def _probes(model: str) -> dict[str, Any]:
    """All through the front, as clients come.

    Started: the model is loaded and warm. Ready: it still is. Live: the server answers at all;
    slow to fail, because a restart loses what is queued and an overloaded server is not dead.
    """
    model_ready = {"path": f"/v2/models/{model}/ready", "port": HTTP_PORT, "scheme": "HTTP"}
    live = {"path": "/v2/health/live", "port": HTTP_PORT, "scheme": "HTTP"}
    return {
        "startupProbe": {
            "httpGet": model_ready,
            "periodSeconds": _PROBE_SECONDS,
            "timeoutSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": _LOAD_SECONDS // _PROBE_SECONDS,
        },
        "readinessProbe": {
            "httpGet": model_ready,
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": 2,
        },
        "livenessProbe": {
            "httpGet": live,
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 6,
        },
    }
