"""Every object of chart and operator has the form that oldest and newest Kubernetes ask for.

kubeconform checks it against schemas made of Kubernetes' own OpenAPI documents (see
`hack.kube_schemas`); those of Prometheus Operator's kinds are its CRDs. Nothing is passed over.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hack.cluster.build import build
from hack.cluster.modules import (
    NEWEST_KUBERNETES,
    OLDEST_KUBERNETES,
    OPENAPI,
    PROMETHEUS_CRDS,
    PROMETHEUS_OPERATOR,
    Module,
    files_of,
)
from hack.cluster.paths import REPOSITORY, tools_dir
from hack.kube_schemas import TEMPLATE, write_crds, write_kubernetes
from tests.integration.charts.conftest import CHART, Helm

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

VERSIONS = [OLDEST_KUBERNETES, NEWEST_KUBERNETES]
EVERYTHING = {
    "replicas": "3",
    "dashboards.enabled": "true",
    "serviceMonitor.enabled": "true",
    "podMonitor.enabled": "true",
    "prometheusRule.enabled": "true",
}
CHILDREN = sorted((REPOSITORY / "tests" / "golden" / "output").glob("*.yaml"))
MONITORS = ("podmonitors", "prometheusrules", "servicemonitors")
Conform = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda module: module.version)
def kubernetes(request: pytest.FixtureRequest) -> Module:
    module: Module = request.param
    return module


@pytest.fixture(scope="module")
def conform(kubernetes: Module, tmp_path_factory: pytest.TempPathFactory) -> Conform:
    """Runs kubeconform on manifests, and gives its report."""
    build(["kubeconform"])
    folder = tmp_path_factory.mktemp(kubernetes.version)
    write_kubernetes(files_of(kubernetes) / OPENAPI, folder)
    crds = files_of(PROMETHEUS_OPERATOR) / PROMETHEUS_CRDS
    write_crds((crds / f"monitoring.coreos.com_{kind}.yaml" for kind in MONITORS), folder)

    def run(manifests: str) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603 - the test's own words
            [
                *(tools_dir() / "kubeconform", "-strict", "-summary", "-output", "json"),
                *("-schema-location", f"{folder}/{TEMPLATE}", "-verbose", "-"),
            ],
            input=manifests,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stderr == ""
        return dict(json.loads(done.stdout))

    return run


@pytest.fixture(scope="module")
def template(helm: Helm, kubernetes: Module) -> Callable[[dict[str, str]], str]:
    """`helm template` for that Kubernetes."""

    def render(values: dict[str, str]) -> str:
        sets = [f"--set-json={key}={value}" for key, value in values.items()]
        done = helm("template", "trifocal", CHART, "--kube-version", kubernetes.version, *sets)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return render


def kinds(report: dict[str, Any]) -> set[str]:
    return {each["kind"] for each in report["resources"]}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_every_object_has_the_form_that_kubernetes_asks_for(
    template: Callable[[dict[str, str]], str], conform: Conform, values: dict[str, str]
) -> None:
    report = conform(template(values))
    wrong = [each for each in report["resources"] if each["status"] != "statusValid"]
    assert wrong == []
    assert report["summary"]["valid"] >= 13
    asked = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "PodDisruptionBudget"}
    assert asked <= kinds(report) if values else not asked & kinds(report)


@pytest.mark.parametrize("path", CHILDREN, ids=lambda path: path.stem)
def test_every_child_that_the_operator_makes_has_it(conform: Conform, path: Path) -> None:
    report = conform(path.read_text())
    assert [each for each in report["resources"] if each["status"] != "statusValid"] == []
    assert {"Deployment", "Job", "Service", "NetworkPolicy", "ConfigMap"} <= kinds(report)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("automountServiceAccountToken: false", "automountServiceAccountTokn: false"),
        ("readOnlyRootFilesystem: true", 'readOnlyRootFilesystem: "yes"'),
        ("policyTypes:", "policyType:"),
    ],
    ids=["misspelt", "of another type", "misspelt in a list of kinds"],
)
def test_what_kubernetes_would_refuse_is_found(
    template: Callable[[dict[str, str]], str], conform: Conform, before: str, after: str
) -> None:
    text = template({})
    assert before in text
    assert conform(text.replace(before, after))["summary"]["invalid"] > 0


def test_a_version_that_kubernetes_no_longer_has_is_found(conform: Conform) -> None:
    """policy/v1beta1 went with Kubernetes 1.25 (its Deprecated API Migration Guide)."""
    gone = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n"
    assert conform(gone)["summary"]["errors"] == 1
