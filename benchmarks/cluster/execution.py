"""Gives the pods of a namespace a known execution time: mounts `injected/` into each of them.

By a MutatingAdmissionPolicy (Kubernetes 1.36), so that images, artifact and manifests stay what
the operator makes of them, and the Job measures what the pods will do.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.e2e.cluster import Cluster, eventually, restricted_pod

NAME = "trifocal-benchmark-execution"
_FOLDER = "/benchmark"
_VOLUME = "benchmark"
_PROGRAM = "known_execution"
_PATH_FILE = "benchmark.pth"
_PACKAGES = "/lib/python3.11/site-packages"
_PYTHONS = {"triton": f"/opt/triton-python{_PACKAGES}", "optimizer": f"/opt/trifocal{_PACKAGES}"}
"""The containers that execute the model, and their packages. Triton's stub ignores PYTHONPATH, but
reads path files, as every Python does."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What an execution does, and what it is done with."""

    kind: Literal["waits", "works"]
    """Waiting needs no CPU, so that pods do not get in each other's way."""
    seconds: float
    """Of the clock, or of CPU."""
    cpu_limit: float | None
    """Of a pod, in cores; what makes a capacity of work."""

    @property
    def occupied_seconds(self) -> float:
        """Of the clock, that one request occupies a pod for when others wait."""
        return self.seconds / (self.cpu_limit or 1.0)

    @property
    def serving(self) -> dict[str, Any]:
        """For `spec.serving`: one request at a time, within the limit."""
        limits = {"limits": {"cpu": f"{round(1000 * self.cpu_limit)}m"}} if self.cpu_limit else {}
        return {"batching": {"maxBatchSize": 1}, "resources": limits}


WAITS = Execution(kind="waits", seconds=0.18, cpu_limit=None)
"""What the built-in loads of the simulator are made for."""
WORKS = Execution(kind="works", seconds=0.045, cpu_limit=0.25)
"""As much, of pods that are limited. By itself a pod may do its work faster: the kernel hands a
limit out in slices of 100 ms, and who has just been idle has a whole one."""


def inject(cluster: Cluster, namespace: str, execution: Execution) -> None:
    """From now on each new pod of the namespace executes models like this."""
    program = Path(__file__).parent / "injected" / f"{_PROGRAM}.py"
    path_file = f"import sys; sys.path.append('{_FOLDER}'); import {_PROGRAM}\n"
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": namespace},
            "data": {program.name: program.read_text(encoding="utf-8"), _PATH_FILE: path_file},
        }
    )
    cluster.apply(_policy(namespace, execution))
    cluster.apply(
        {
            **_head("MutatingAdmissionPolicyBinding"),
            "spec": {"policyName": NAME},
        }
    )
    # Seconds may pass before the API server does what it has been told.
    eventually(
        partial(_volumes_of_a_new_pod, cluster, namespace),
        lambda names: _VOLUME in names,
        seconds=60,
        what="the change of new pods",
    )


def remove(cluster: Cluster) -> None:
    """Pods are left alone again."""
    kinds = "mutatingadmissionpolicybinding,mutatingadmissionpolicy"
    cluster.kubectl("delete", kinds, NAME, "--ignore-not-found")


def _volumes_of_a_new_pod(cluster: Cluster, namespace: str) -> list[str]:
    """What a pod that executes a model would be given now; none is created."""
    pod = restricted_pod(namespace, "triton", command=(), volume={"emptyDir": {}}, mount="/files")
    given = cluster.kubectl(
        "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pod).encode()
    )
    return [volume["name"] for volume in json.loads(given)["spec"]["volumes"]]


def _policy(namespace: str, execution: Execution) -> dict[str, Any]:
    names = ", ".join(f"'{name}'" for name in _PYTHONS)
    return {
        **_head("MutatingAdmissionPolicy"),
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ],
            },
            "matchConditions": [
                {
                    "name": "executes-a-model",
                    "expression": f"object.spec.containers.exists(c, c.name in [{names}])",
                }
            ],
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {
                        "expression": _EXPRESSION % (execution.kind, execution.seconds)
                    },
                }
            ],
        },
    }


_EXPRESSION = f"""
Object{{spec: Object.spec{{
  volumes: [Object.spec.volumes{{
    name: "{_VOLUME}", configMap: Object.spec.volumes.configMap{{name: "{NAME}"}}
  }}],
  containers: object.spec.containers.map(c, Object.spec.containers{{
    name: c.name,
    env: [
      Object.spec.containers.env{{name: "BENCHMARK_EXECUTION", value: "%s"}},
      Object.spec.containers.env{{name: "BENCHMARK_EXECUTION_SECONDS", value: "%g"}}
    ],
    volumeMounts: [
      Object.spec.containers.volumeMounts{{
        name: "{_VOLUME}", mountPath: "{_FOLDER}", readOnly: true
      }},
      Object.spec.containers.volumeMounts{{
        name: "{_VOLUME}", subPath: "{_PATH_FILE}", readOnly: true,
        mountPath: (c.name == "triton" ? "{_PYTHONS["triton"]}" : "{_PYTHONS["optimizer"]}")
          + "/{_PATH_FILE}"
      }}
    ]
  }})
}}}}
"""


def _head(kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME},
    }
