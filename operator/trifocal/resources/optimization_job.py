"""The optimization Job with its request and, once it is done, its recorded result. Pure."""

from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import GROUP
from trifocal.api.serving import Accelerator
from trifocal.api.sources import datasets, sources
from trifocal.optimizer.contract import (
    EXIT_REFUSED,
    PROGRESS_PORT,
    OptimizationRequest,
    OptimizationResult,
)
from trifocal.resources import locations, pod
from trifocal.resources.locations import Place
from trifocal.resources.metadata import Manifest, metadata
from trifocal.resources.optimizer_image import optimizer_image
from trifocal.resources.placement import placement
from trifocal.resources.quantity import amount, canonical, resource_requirements
from trifocal.resources.threads import threads_per_instance
from trifocal.settings import Settings

COMPONENT = "optimization"
CONTAINER = "optimizer"
REQUEST_KEY = "request.json"
RESULT_KEY = "result.json"

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""Kueue's webhook suspends a new Job that has it: it need not be made suspended
(https://kueue.sigs.k8s.io/docs/tasks/run/jobs/)."""
QUEUE_ANNOTATION = f"{GROUP}/queue"
"""On a Job: the queue that the spec named. The label may be Kueue's own choice of a default."""

_REQUEST_DIR = "/etc/trifocal"
_SCRATCH = "/scratch"
_STORE = "/store"
_RETRIES = 3
"""A retry repeats the whole work, so few; what cannot pass by itself exits with EXIT_REFUSED."""


def build_request(md: ModelDeployment, settings: Settings) -> OptimizationRequest:
    """Everything that the Job needs, with locations as paths inside its container."""
    spec = md.spec.optimization
    resolved = {place.role: locations.resolve(place) for place in _places(md)}
    image = optimizer_image(md.spec.model, spec, settings)
    gpu = _gpu(md)
    return OptimizationRequest(
        name=md.metadata.name,
        model=md.spec.model,
        source=resolved["source"],
        teacher=resolved.get("teacher"),
        training=resolved.get("training"),
        calibration=resolved.get("calibration"),
        evaluation=resolved["evaluation"],
        unlabelled=resolved.get("unlabelled"),
        origins={r: d.origin for r, d in datasets(md.spec).items() if d.origin is not None},
        store=resolved["store"],
        targets=spec.targets,
        search=spec.search,
        precisions=spec.precisions,
        quantization=spec.quantization,
        pruning=spec.pruning,
        distillation=spec.distillation,
        fine_tuning=spec.fine_tuning,
        gate=spec.gate,
        prefer=spec.prefer,
        batching=md.spec.serving.batching,
        threads=threads_per_instance(md.spec.serving),
        scratch_bytes=int(amount(spec.job.scratch_size)),
        gpu_product=gpu.product if gpu is not None else None,
        # A request is looked up and compared before anyone knows whether its Job can be made.
        optimizer_image=image.reference or "",
    )


def request_config_map(md: ModelDeployment, request: OptimizationRequest) -> Manifest:
    """The request as a file; immutable, because its name is its hash."""
    digest = request.digest()
    text = request.model_dump_json(by_alias=True, exclude_none=True)
    return _config_map(
        md, names.optimization(md.metadata.name, digest), digest, {REQUEST_KEY: text}
    )


def result_config_map(
    md: ModelDeployment, request_digest: str, result: OptimizationResult
) -> Manifest:
    """What a finished Job found; it outlives the Job, so that nothing is computed twice."""
    name = names.optimization_result(md.metadata.name, request_digest)
    text = result.model_dump_json(by_alias=True, exclude_none=True)
    return _config_map(md, name, request_digest, {RESULT_KEY: text})


def optimization_job(
    md: ModelDeployment, request: OptimizationRequest, settings: Settings
) -> Manifest:
    """The Job, named by its request's hash.

    Apply it only where it does not exist: a Job's pod template cannot be changed, and limits
    that have changed since do not change what a finished Job found.
    """
    digest = request.digest()
    name = names.optimization(md.metadata.name, digest)
    queue = md.spec.optimization.job.queue
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(
            md,
            name,
            COMPONENT,
            labels={QUEUE_LABEL: queue} if queue else {},
            annotations={
                names.REQUEST_ANNOTATION: digest,
                **({QUEUE_ANNOTATION: queue} if queue else {}),
            },
        ),
        "spec": {
            "activeDeadlineSeconds": md.spec.optimization.job.deadline_seconds,
            "backoffLimit": _RETRIES,
            "podFailurePolicy": _pod_failure_policy(),
            "template": {
                "metadata": {
                    "labels": names.labels(md.metadata.name, COMPONENT),
                    "annotations": {
                        **settings.optimizer_annotations,
                        names.REQUEST_ANNOTATION: digest,
                    },
                },
                "spec": _pod_spec(md, name, request.optimizer_image, settings),
            },
        },
    }


def _config_map(
    md: ModelDeployment, name: str, request_digest: str, data: dict[str, str]
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(
            md, name, COMPONENT, annotations={names.REQUEST_ANNOTATION: request_digest}
        ),
        "immutable": True,
        "data": data,
    }


def _pod_failure_policy() -> dict[str, Any]:
    """A refusal ends the Job at once; a drained or preempted node costs none of the retries."""
    return {
        "rules": [
            {
                "action": "FailJob",
                "onExitCodes": {
                    "containerName": CONTAINER,
                    "operator": "In",
                    "values": [EXIT_REFUSED],
                },
            },
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
        ]
    }


def _pod_spec(md: ModelDeployment, name: str, image: str, settings: Settings) -> dict[str, Any]:
    job = md.spec.optimization.job
    return {
        **pod.pod_settings(md.spec.service_account_name),
        **placement(_gpu(md)),
        # Needed by podFailurePolicy; each retry is a pod of its own.
        "restartPolicy": "Never",
        "containers": [_container(md, image, settings)],
        "volumes": [
            {"name": "request", "configMap": {"name": name}},
            pod.scratch_volume("scratch", canonical(job.scratch_size)),
            *locations.volumes(_places(md)),
        ],
    }


def _container(md: ModelDeployment, image: str, settings: Settings) -> dict[str, Any]:
    gpu = _gpu(md)
    devices = {gpu.resource: 1} if gpu else {}
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["trifocal-optimizer"],
        "args": ["run", "--request", f"{_REQUEST_DIR}/{REQUEST_KEY}", "--scratch", _SCRATCH],
        "env": [
            {"name": "HOME", "value": _SCRATCH},
            {"name": "TMPDIR", "value": _SCRATCH},
            pod.threads_variable(CONTAINER),
        ],
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT, "protocol": "TCP"}],
        "resources": resource_requirements(md.spec.optimization.job.resources, devices),
        "securityContext": pod.container_security(),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            pod.mount("request", _REQUEST_DIR, read_only=True),
            pod.mount("scratch", _SCRATCH),
            *locations.mounts(_places(md)),
        ],
    }


def _gpu(md: ModelDeployment) -> Accelerator | None:
    """What the Job runs on besides CPUs: an engine is built where it will serve."""
    return (
        md.spec.serving.accelerator if md.spec.optimization.served.runtime == "tensorrt" else None
    )


def _places(md: ModelDeployment) -> tuple[Place, ...]:
    return (
        *(
            Place(role=role, location=location, path=f"/sources/{role}")
            for role, location in sources(md.spec).items()
        ),
        Place(role="store", location=md.spec.artifacts, path=_STORE, writable=True),
    )
