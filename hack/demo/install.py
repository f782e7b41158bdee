"""Cluster, images and chart: everything below the ModelDeployment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from hack.cluster.paths import State
from hack.cluster.runtime import present_images
from hack.demo.kube import NAMESPACE, RELEASE, SYSTEM, Kube
from hack.demo.problem import DemoError
from hack.demo.program import ROOT, run_python

CHART = ROOT / "charts" / "trifocal"
INSTALL_SECONDS = 180
OPERATOR = "trifocal-operator"
"""The chart's Deployment."""
IMAGE_VARIABLE = "TRIFOCAL_IMAGE_{}"
"""For a cluster of your own: TRIFOCAL_IMAGE_OPERATOR and _OPTIMIZER, as pullable there."""
EXTENDED_VARIABLE = IMAGE_VARIABLE.format("OPTIMIZER_EXTENDED")
"""Without it the operator on a cluster of your own refuses what needs that image."""
TRITON_VARIABLE = IMAGE_VARIABLE.format("TRITON_CPU")
"""Without it a cluster of your own serves with the chart's default, NVIDIA's image."""


def image(target: str) -> str:
    """The image that pods ask for."""
    variable = IMAGE_VARIABLE.format(target.upper().replace("-", "_"))
    return os.environ.get(variable, f"trifocal.dev/{target}:dev")


def start_cluster(kube: Kube, console: Console) -> str:
    """A cluster that answers."""
    if kube.local:
        run_python(console, "-m", "hack.cluster", "up", environment=os.environ)
    elif not all(Path(path).is_file() for path in kube.kubeconfig.split(os.pathsep)):
        raise DemoError(
            f"KUBECONFIG is {kube.kubeconfig}, and there is no such file; correct it, or unset it "
            f"to use a local cluster."
        )
    version = json.loads(kube.run("kubectl", "version", "--output", "json"))
    nodes = kube.get("nodes")["items"]
    return f"Kubernetes {version['serverVersion']['gitVersion']}, {len(nodes)} node(s)"


def provide_images(kube: Kube, console: Console) -> str:
    """Trifocal's images on the local node; elsewhere they must be pullable."""
    if kube.local:
        # Without the optimizer for devices and training: 4 GB that the demo does not use.
        targets = ("operator", "optimizer", "triton-cpu")
        run_python(console, "-m", "hack.cluster", "images", *targets, environment=os.environ)
    return ", ".join(image(target) for target in ("operator", "optimizer"))


def install_chart(kube: Kube, _console: Console) -> str:
    """The operator by its chart, as on any cluster."""
    values = {"image": image("operator"), "optimizer.image": image("optimizer")}
    if EXTENDED_VARIABLE in os.environ:
        values["optimizer.extendedImage"] = image("optimizer-extended")
    if kube.local or TRITON_VARIABLE in os.environ:
        # The image for machines without a GPU has only Triton's Python backend.
        values |= {"triton.image": image("triton-cpu"), "triton.backend": "python"}
    if kube.local:
        # A rebuilt image keeps its name; this makes the operator restart with it.
        digest = present_images(State.from_environment()).get(image("operator"), "")
        values["podAnnotations.operatorImage"] = digest
    try:
        _helm_upgrade(kube, values)
    except DemoError as error:
        look = f"kubectl -n {SYSTEM} logs deployment/{OPERATOR} --previous"
        raise DemoError(str(error), look) from error
    return f"release {RELEASE} in namespace {SYSTEM}"


def _helm_upgrade(kube: Kube, values: Mapping[str, str]) -> None:
    kube.run(
        *("helm", "upgrade", RELEASE, str(CHART), "--install", "--create-namespace"),
        *("--namespace", SYSTEM, "--wait", "--timeout", f"{INSTALL_SECONDS}s"),
        *(word for key, value in values.items() for word in ("--set", f"{key}={value}")),
    )


def create_namespace(kube: Kube, _console: Console) -> str:
    """The demo's own namespace, which admits none but restricted pods."""
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    return f"{NAMESPACE}, pod security: restricted"
