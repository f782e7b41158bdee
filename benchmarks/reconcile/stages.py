"""How KWOK's nodes and pods behave, as its Stage documents. Pure.

A pod of a Deployment is ready as soon as it is bound. A pod of an optimization Job works for a
moment and leaves its result in the termination message, as the optimizer does, made out for the
request that the operator has written on the pod.
"""

import json
from typing import Any

from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult, Tensor
from trifocal.resources.optimization_job import COMPONENT

Stage = dict[str, Any]

JOB_MILLISECONDS = 1000
"""How long an optimization takes here: long enough to be seen running."""

_NO_REQUEST = "sha256:" + 64 * "0"
_NODE_CONDITIONS = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
phase: Running
"""
_CONDITIONS = """
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type | Quote }}
{{ end }}
"""
_RUNNING = f"""
{{{{ $now := Now }}}}
{_CONDITIONS}
containerStatuses:
{{{{ range .spec.containers }}}}
- image: {{{{ .image | Quote }}}}
  name: {{{{ .name | Quote }}}}
  ready: true
  restartCount: 0
  state:
    running:
      startedAt: {{{{ $now | Quote }}}}
{{{{ end }}}}
phase: Running
startTime: {{{{ $now | Quote }}}}
"""
_ADDRESS = """
{{ $ips := PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace }}
podIP: {{ index $ips 0 | Quote }}
podIPs:
- ip: {{ index $ips 0 | Quote }}
"""


def result() -> OptimizationResult:
    """What every Job finds. No answers are recorded, so being ready proves a pod."""
    return OptimizationResult(
        request=_NO_REQUEST,
        artifact="sha256:" + 64 * "f",
        chosen="fp32",
        inputs=(Tensor(name="image", dtype="float32", shape=(-1, 3, 224, 224)),),
        outputs=(Tensor(name="scores", dtype="float32", shape=(-1, 3)),),
    )


def stages() -> tuple[Stage, ...]:
    """All of them."""
    gone = {"key": ".metadata.deletionTimestamp", "operator": "Exists"}
    return (
        _stage("node", "Node", [_node_is_new()], {"statusTemplate": _NODE_CONDITIONS}),
        _stage("pod-serves", "Pod", _pod("Pending", "NotIn"), {"statusTemplate": _serving()}),
        _stage("job-runs", "Pod", _pod("Pending", "In"), {"statusTemplate": _RUNNING}),
        _stage(
            "job-ends",
            "Pod",
            _pod("Running", "In"),
            {"statusTemplate": _ended()},
            milliseconds=JOB_MILLISECONDS,
        ),
        _stage("pod-ends", "Pod", [gone], {"delete": True}),
    )


def documents() -> str:
    """The stages as the file that KWOK reads; JSON is YAML."""
    return "\n---\n".join(json.dumps(stage) for stage in stages())


def _serving() -> str:
    return _RUNNING + _ADDRESS


def _ended() -> str:
    """Without an address from first to last: there is nobody to be asked how far he is."""
    text = result().model_dump_json(by_alias=True, exclude_none=True)
    form = text.replace(_NO_REQUEST, "%s")
    request = f'index .metadata.annotations "{names.REQUEST_ANNOTATION}"'
    return f"""
{{{{ $now := Now }}}}
{{{{ $message := printf `{form}` ({request}) }}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- image: {{{{ .image | Quote }}}}
  name: {{{{ .name | Quote }}}}
  ready: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      finishedAt: {{{{ $now | Quote }}}}
      reason: Completed
      startedAt: {{{{ $now | Quote }}}}
      message: {{{{ $message | Quote }}}}
{{{{ end }}}}
phase: Succeeded
"""


def _node_is_new() -> dict[str, Any]:
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    return {"key": ready, "operator": "NotIn", "values": ["True"]}


def _pod(phase: str, is_of_a_job: str) -> list[dict[str, Any]]:
    return [
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".status.phase", "operator": "In", "values": [phase]},
        {
            "key": f'.metadata.labels["{names.COMPONENT_LABEL}"]',
            "operator": is_of_a_job,
            "values": [COMPONENT],
        },
    ]


def _stage(
    name: str,
    kind: str,
    expressions: list[dict[str, Any]],
    then: dict[str, Any],
    milliseconds: int = 0,
) -> Stage:
    delay = {"delay": {"durationMilliseconds": milliseconds}} if milliseconds else {}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": expressions},
            **delay,
            "next": then,
        },
    }
