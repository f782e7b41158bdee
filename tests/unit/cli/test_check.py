"""`trifocal check`: each check's verdict, from what a cluster was found to be."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from tests.support.manifests import Manifest
from tests.support.world import START
from trifocal import __version__
from trifocal.api.crd import crd
from trifocal.cli.check.checking import (
    OLDEST,
    Facts,
    after_installation,
    before_installation,
    rights_to_use,
)
from trifocal.cli.check.checks import Check, Verdict
from trifocal.cli.check.command import render
from trifocal.cli.user_cluster import Right

CHART = Path(__file__).parents[3] / "charts" / "trifocal" / "Chart.yaml"


def established(definition: Manifest) -> Manifest:
    conditions = [{"type": "Established", "status": "True"}]
    return {**definition, "status": {"conditions": conditions}}


def deployment(version: str = __version__, ready: int = 1, **env: str) -> Manifest:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    available = {"type": "Available", "status": "True" if ready else "False"}
    return {
        "metadata": {
            "name": "trifocal-operator",
            "namespace": "trifocal-system",
            "labels": {"app.kubernetes.io/version": version},
        },
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "operator", "env": variables}]}},
        },
        "status": {"availableReplicas": ready, "conditions": [available]},
    }


def lease(seconds: float = 3) -> Manifest:
    renewed = (START - timedelta(seconds=seconds)).isoformat()
    return {"spec": {"holderIdentity": "trifocal-operator-abc", "renewTime": renewed}}


def node(gpus: int = 0, product: str | None = None) -> Manifest:
    labels = {"nvidia.com/gpu.product": product} if product else {}
    allocatable = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "metadata": {"name": "n", "labels": labels},
        "status": {"allocatable": {"cpu": "8", **allocatable}},
    }


FIT = Facts(
    version={"gitVersion": "v1.36.3"},
    crd=established(crd()),
    crd_readable=True,
    rights=dict.fromkeys(rights_to_use("default"), True),
    nodes=(node(2, "NVIDIA-L4"), node(4, "NVIDIA-L4"), node()),
    operators=(deployment(),),
    lease=lease(),
    priority_class={"value": -10, "preemptionPolicy": "Never"},
)


def checks(**changes: Any) -> dict[str, Check]:
    return {each.name: each for each in after_installation(replace(FIT, **changes), START)}


def test_a_fit_cluster_passes_every_check() -> None:
    found = checks()
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert found["GPUs"].found == "6 NVIDIA-L4"
    assert found["operator"].found == "trifocal-system/trifocal-operator: 1 of 1 pods available"
    assert found["Triton"].found == "nvcr.io/nvidia/tritonserver:26.07-py3 by default"
    assert found["leader"].found == "trifocal-operator-abc"


@pytest.mark.parametrize(
    ("found", "readable", "words"),
    [
        (None, True, "there is no PriorityClass trifocal-headroom"),
        (None, False, "you may not read PriorityClasses"),
        ({"value": 0, "preemptionPolicy": "Never"}, True, "has the value 0"),
        ({"value": -10}, True, "lets its pods pre-empt others"),
    ],
    ids=["none", "forbidden", "not below serving pods", "pre-empts"],
)
def test_placeholders_need_a_class_that_yields(found: Any, readable: bool, words: str) -> None:
    check = checks(priority_class=found, priority_class_readable=readable)["headroom"]
    assert check.verdict is Verdict.WARN
    assert words in check.found
    assert check.to_do or not readable


def test_the_charts_own_class_passes_and_another_ones_name_is_the_operators() -> None:
    assert checks()["headroom"].verdict is Verdict.OK
    named = deployment(TRIFOCAL_HEADROOM_PRIORITY_CLASS="low")
    assert checks(operators=(named,))["headroom"].found == (
        "PriorityClass low, value -10, takes nobody's place"
    )
    assert "headroom" not in checks(operators=())


def test_the_oldest_release_is_the_charts() -> None:
    assert yaml.safe_load(CHART.read_text())["kubeVersion"] == (
        f">={'.'.join(map(str, OLDEST))}.0-0"
    )


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("v1.30.0", Verdict.OK),
        ("v1.31.4-gke.1183000", Verdict.OK),
        ("v2.0.0", Verdict.OK),
        ("v1.29.15-eks-1", Verdict.FAIL),
        ("v1.9.0", Verdict.FAIL),
        ("", Verdict.FAIL),
    ],
)
def test_kubernetes_is_new_enough(version: str, verdict: Verdict) -> None:
    assert checks(version={"gitVersion": version})["Kubernetes"].verdict is verdict


def without_field(definition: Manifest) -> Manifest:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["scaling"]["properties"]["wakeUp"]
    return definition


def with_field(definition: Manifest) -> Manifest:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["future"] = {"type": "string"}
    return definition


@pytest.mark.parametrize(
    ("live", "verdict", "words"),
    [
        (None, Verdict.FAIL, "there is none"),
        (crd(), Verdict.FAIL, "it is not established"),
        (established(without_field(crd())), Verdict.WARN, "it lacks spec.scaling.wakeUp,"),
        (established(with_field(crd())), Verdict.WARN, "it has spec.future"),
    ],
    ids=["none", "not established", "older", "newer"],
)
def test_the_crd_is_this_releases(live: Any, verdict: Verdict, words: str) -> None:
    found = checks(crd=live)["CRD"]
    assert found.verdict is verdict
    assert words in found.found
    assert found.to_do


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "words"),
    [
        ("operator", {"operators": ()}, Verdict.FAIL, "0 Deployments"),
        ("operator", {"operators": (deployment(), deployment())}, Verdict.FAIL, "2 Deployments"),
        ("operator", {"operators": (deployment(ready=0),)}, Verdict.FAIL, "0 of 1 pods"),
        ("operator", {"operators": None}, Verdict.WARN, "may not list"),
        ("release", {"operators": (deployment("0.0.9"),)}, Verdict.WARN, "operator is 0.0.9"),
        ("leader", {"lease": None}, Verdict.WARN, "none is seen"),
        ("leader", {"lease": lease(600)}, Verdict.WARN, "renewed 10m ago"),
        ("GPUs", {"nodes": ()}, Verdict.WARN, "none on 0 nodes"),
        ("GPUs", {"nodes": (node(3),)}, Verdict.WARN, "3 nvidia.com/gpu of unknown product"),
        ("GPUs", {"nodes": None}, Verdict.WARN, "may not list"),
        ("CRD", {"crd": None, "crd_readable": False}, Verdict.WARN, "may not read"),
    ],
)
def test_what_is_amiss_is_named(
    name: str, changes: dict[str, Any], verdict: Verdict, words: str
) -> None:
    found = checks(**changes)[name]
    assert found.verdict is verdict
    assert words in found.found


def test_the_tritons_of_others_are_of_unknown_release() -> None:
    own = deployment(TRIFOCAL_TRITON_IMAGE="registry.example.com/triton:mine")
    found = checks(operators=(own,))["Triton"]
    assert "registry.example.com/triton:mine by default, of a release" in found.found


def test_a_right_that_is_lacking_is_named_as_kubectl_would() -> None:
    right = Right(verb="patch", group="trifocal.dev", resource="modeldeployments", namespace="a")
    found = checks(rights={**FIT.rights, right: False})["your rights"]
    assert found.verdict is Verdict.FAIL
    assert found.found == "you may not: patch modeldeployments.trifocal.dev in namespace a"
    assert right.attributes() == {
        "verb": "patch",
        "group": "trifocal.dev",
        "resource": "modeldeployments",
        "namespace": "a",
    }


def test_before_the_installation_a_crd_is_a_remnant() -> None:
    names = [each.name for each in before_installation(replace(FIT, operators=(), crd=None))]
    assert names == ["Kubernetes", "your rights", "GPUs"]
    left = {each.name: each for each in before_installation(FIT)}["CRD"]
    assert left.verdict is Verdict.WARN


def test_one_line_for_each_and_advice_below() -> None:
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(tuple(checks(nodes=(node(),)).values())))
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines[0] == "ok Kubernetes v1.36.3, 1.30 or newer"
    assert lines[-3] == "warn GPUs none on 1 nodes"
    assert lines[-2].startswith("Models without serving.accelerator run on CPUs;")
