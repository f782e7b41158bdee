"""The chart on a real API server: admitted where only restricted pods are, with few rights."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import yaml

from tests.integration.charts.conftest import CHART, Helm, Render
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.manifests import minimal

pytestmark = pytest.mark.integration


def test_the_pod_is_admitted_where_only_restricted_pods_are(
    control_plane: ControlPlane, system: str, render: Render
) -> None:
    template = render(namespace=system)["Deployment", "trifocal-operator"]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "operator"},
        "spec": template["spec"],
    }
    path = f"/api/v1/namespaces/{system}/pods?dryRun=All"
    status, answer = control_plane.request("POST", path, pod)
    assert status == HTTPStatus.CREATED, answer
    pod["spec"] = {**pod["spec"], "hostNetwork": True}
    assert control_plane.request("POST", path, pod)[0] == HTTPStatus.FORBIDDEN


def allowed(
    plane: ControlPlane, user: str, request: str, namespace: str, *, name: str = ""
) -> bool:
    """Whether the user may `VERB RESOURCE[/SUBRESOURCE][.GROUP]` there."""
    verb, resource = request.split()
    plural, _, group = resource.partition(".")
    plural, _, subresource = plural.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "namespace": namespace,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": [], "resourceAttributes": attributes},
    }
    _, answer = plane.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


CHILDREN = (
    *("configmaps", "services", "deployments.apps", "jobs.batch"),
    *("poddisruptionbudgets.policy", "networkpolicies.networking.k8s.io"),
)
MAY = (
    *(f"{verb} modeldeployments.trifocal.dev" for verb in ("get", "list", "watch")),
    "patch modeldeployments/status.trifocal.dev",
    *(
        f"{verb} {child}"
        for verb in ("get", "list", "watch", "create", "patch", "delete")
        for child in CHILDREN
    ),
    *(
        f"{verb} {each}"
        for verb in ("get", "list", "watch")
        for each in ("pods", "replicasets.apps")
    ),
    "list events",
    "create events.events.k8s.io",
    "patch events.events.k8s.io",
    "get persistentvolumeclaims",
    "get serviceaccounts",
)
MAY_NOT = (
    *(
        f"{verb} modeldeployments.trifocal.dev"
        for verb in ("create", "update", "patch", "delete", "deletecollection")
    ),
    "update modeldeployments/finalizers.trifocal.dev",
    *(f"{verb} secrets" for verb in ("get", "list", "watch", "create", "patch", "delete")),
    *(f"{verb} pods" for verb in ("create", "patch", "delete")),
    *("create pods/exec", "create pods/eviction", "get pods/log", "create serviceaccounts/token"),
    "impersonate serviceaccounts",
    *("list serviceaccounts", "list persistentvolumeclaims", "create persistentvolumeclaims"),
    *("get nodes", "list namespaces", "get leases.coordination.k8s.io"),
    "create clusterroles.rbac.authorization.k8s.io",
    "create rolebindings.rbac.authorization.k8s.io",
    "patch customresourcedefinitions.apiextensions.k8s.io",
    "deletecollection deployments.apps",
)


@pytest.mark.parametrize("request_", MAY)
def test_the_operator_may(request_: str, control_plane: ControlPlane, system: str) -> None:
    user = f"system:serviceaccount:{system}:trifocal-operator"
    assert allowed(control_plane, user, request_, "anywhere")


@pytest.mark.parametrize("request_", MAY_NOT)
def test_the_operator_may_not(request_: str, control_plane: ControlPlane, system: str) -> None:
    user = f"system:serviceaccount:{system}:trifocal-operator"
    assert not allowed(control_plane, user, request_, "anywhere")


def test_the_operator_holds_its_own_lease_and_no_other(
    control_plane: ControlPlane, system: str
) -> None:
    user = f"system:serviceaccount:{system}:trifocal-operator"
    lease = "leases.coordination.k8s.io"
    assert allowed(control_plane, user, f"create {lease}", system)
    for verb in ("get", "patch"):
        assert allowed(control_plane, user, f"{verb} {lease}", system, name="trifocal-operator")
        assert not allowed(control_plane, user, f"{verb} {lease}", system, name="other")


def test_users_get_their_rights_through_the_clusters_own_roles(
    control_plane: ControlPlane, system: str
) -> None:
    # The controller that copies rules into `edit` does not run here, so the role is bound itself.
    for role in ("view", "edit"):
        control_plane.must(
            *("create", "rolebinding", f"test-{role}", "-n", system),
            *(f"--clusterrole=trifocal-{role}", f"--user={role}or"),
        )
    md = "modeldeployments.trifocal.dev"
    assert allowed(control_plane, "viewor", f"list {md}", system)
    assert not allowed(control_plane, "viewor", f"patch {md}", system)
    assert allowed(control_plane, "editor", f"patch {md}", system)
    assert allowed(control_plane, "editor", "patch modeldeployments/scale.trifocal.dev", system)
    assert not allowed(
        control_plane, "editor", "patch modeldeployments/status.trifocal.dev", system
    )
    roles = json.loads(control_plane.must("get", "clusterrole", "trifocal-edit", "-o", "json"))
    labels = roles["metadata"]["labels"]
    assert labels["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in labels


@pytest.fixture(scope="module", name="bare")
def _bare() -> Iterator[ControlPlane]:
    """A control plane that has never seen the CRD."""
    with control_plane(crds=False) as plane:
        yield plane


def test_install_upgrade_uninstall_and_install_again_lose_no_model(
    bare: ControlPlane, helm: Helm
) -> None:
    def run(*words: str) -> Any:
        done = helm(*words, "--namespace", "trifocal-system", kubeconfig=bare.kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = run("install", "trifocal", str(CHART), "--create-namespace")
    assert "kubectl explain modeldeployments.spec --recursive" in printed
    bare.must("wait", "crd/modeldeployments.trifocal.dev", "--for=condition=Established")
    bare.must("apply", "-f", "-", stdin=yaml.safe_dump(minimal()))
    run("upgrade", "trifocal", str(CHART), "--set", "replicas=2")
    assert "trifocal-operator" in bare.must("get", "pdb", "-n", "trifocal-system", "-o", "name")
    run("uninstall", "trifocal")
    assert bare.must("get", "deployments", "-n", "trifocal-system", "-o", "name") == ""
    assert bare.must("get", "modeldeployments", "-o", "name") != ""
    run("install", "trifocal", str(CHART))
    assert bare.must("get", "modeldeployments", "-o", "name") != ""
