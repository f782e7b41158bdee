"""From `kubectl apply` to right answers from Triton, and back to nothing."""

import numpy as np
import pytest

from tests.e2e.answers import infer
from tests.e2e.cluster import eventually
from tests.e2e.workload import Workload
from tests.support.quadrants import LABELS, image


@pytest.fixture
def ready(workload: Workload) -> Workload:
    workload.apply("main")
    workload.wait("main", "Ready")
    return workload


def test_the_served_model_gives_the_right_label_for_every_class(ready: Workload) -> None:
    pictures = np.stack(
        [np.asarray(image(i, 555 + i)).transpose(2, 0, 1) / 255 for i in range(4)]
    ).astype(np.float32)
    scores = infer(ready, "main", pictures)
    assert [LABELS[i] for i in scores.argmax(axis=1)] == list(LABELS)


def test_kubectl_speaks_of_it_as_of_a_built_in_kind(ready: Workload) -> None:
    kubectl = ready.cluster.kubectl
    header, row = kubectl("get", "mdep", "main", "-n", ready.namespace).splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "TARGET", "REPLICAS", "P99", "AGE"]
    assert row.split()[:5] == ["main", "True", "Ready", "onnxruntime/cpu", "1/1"]
    assert "condition met" in kubectl(
        "wait", "mdep/main", "-n", ready.namespace, "--for=condition=Ready", "--timeout=5s"
    )
    described = kubectl("describe", "mdep", "main", "-n", ready.namespace)
    assert "Candidates:" in described
    assert "Normal" in described.split("Events:")[1]


def test_kubectl_scale_changes_the_pods(ready: Workload) -> None:
    ready.cluster.kubectl("scale", "mdep/main", "-n", ready.namespace, "--replicas=2")
    eventually(
        lambda: ready.get("main")["status"].get("readyReplicas"),
        lambda n: n == 2,
        seconds=60,
        what="a second ready replica",
    )
    selector = ready.get("main")["status"]["selector"]
    pods = ready.cluster.get("pods", "-n", ready.namespace, "-l", selector)["items"]
    assert len(pods) == 2


def test_a_changed_child_is_repaired(ready: Workload) -> None:
    ready.cluster.kubectl("delete", "service", "main", "-n", ready.namespace)
    eventually(
        lambda: ready.cluster.kubectl(
            "get", "service", "main", "-n", ready.namespace, "--ignore-not-found"
        ),
        bool,
        seconds=20,
        what="the Service's return",
    )


def test_deleting_it_leaves_nothing_but_the_store(ready: Workload) -> None:
    ready.cluster.kubectl("delete", "mdep", "main", "-n", ready.namespace)
    kinds = "jobs,deployments,replicasets,pods,services,configmaps,pdb,networkpolicies"
    eventually(
        lambda: ready.cluster.get(
            kinds, "-n", ready.namespace, "-l", "trifocal.dev/model-deployment=main"
        )["items"],
        lambda items: not items,
        seconds=90,
        what="the end of every child",
    )
