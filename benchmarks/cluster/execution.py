"""Gives the pods of a namespace a known execution time: mounts `injected/` into each of them.

By a MutatingAdmissionPolicy (Kubernetes 1.36), so that images, artifact and manifests stay what
the operator makes of them, and the Job measures what the pods will do.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

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


EXECUTION_SECONDS = 0.18
"""Of the model, whatever its batch: what the built-in loads of the simulator are made for."""


def inject(cluster: Cluster, namespace: str) -> None:
    """From now on an execution in a new pod of the namespace takes EXECUTION_SECONDS."""
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
    cluster.apply(_policy(namespace))
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


def _policy(namespace: str) -> dict[str, Any]:
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
                    "applyConfiguration": {"expression": _EXPRESSION},
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
    env: [Object.spec.containers.env{{
      name: "BENCHMARK_EXECUTION_SECONDS", value: "{EXECUTION_SECONDS:g}"
    }}],
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
