"""The same manifest twice changes nothing, whichever way it comes; defaults belong to nobody.

What server-side apply owes its users is told in the Kubernetes documentation, "Server-Side Apply":
an applier owns what it names, conflicts about the rest are told, and what an applier stops naming
goes. No operator runs here: what is compared is what the API server makes of a manifest.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gitops.helm import CHART, helm
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.manifests import changed, digest, full, minimal

pytestmark = pytest.mark.integration

KUSTOMIZE = Path(__file__).parent / "kustomize"
SERVER_SIDE = ("apply", "--server-side")
CLIENT_SIDE = ("apply",)
TENSORRT = [{"runtime": "tensorrt"}]
GPU = {"resource": "nvidia.com/gpu", "product": "NVIDIA-L4"}

Manifest = dict[str, Any]


@pytest.fixture(scope="module", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """One of their own: an operator's status would be a write between two applies."""
    with control_plane() as plane:
        yield plane


@pytest.fixture(name="namespace")
def _namespace(plane: ControlPlane) -> str:
    return plane.namespace("gitops")


def live(plane: ControlPlane, namespace: str, name: str = "digits") -> Manifest:
    """The object as it is stored."""
    found: Manifest = json.loads(plane.must("-n", namespace, "get", "mdep", name, "-o", "json"))
    return found


def version(plane: ControlPlane, namespace: str) -> list[str]:
    """Resource versions of everything in the namespace: any write changes one."""
    listed = json.loads(plane.must("-n", namespace, "get", "mdep", "-o", "json"))["items"]
    return [each["metadata"]["resourceVersion"] for each in listed]


def report(plane: ControlPlane, namespace: str, name: str = "digits") -> None:
    """Write the first status, as the operator does within a second.

    Until then the object is stored without the status that the CRD gives as default, and the first
    write of any kind stores that, too.
    """
    status = json.dumps({"status": {"observedGeneration": 1}})
    arguments = ("patch", "mdep", name, "--subresource=status", "--type=merge", "-p", status)
    plane.must("-n", namespace, *arguments)


def server_side(
    plane: ControlPlane, namespace: str, manifest: Manifest, manager: str = "team"
) -> Manifest:
    """Apply as that manager, which has to succeed; the object as stored."""
    arguments = (*SERVER_SIDE, f"--field-manager={manager}", "-f", "-")
    plane.must("-n", namespace, *arguments, stdin=yaml.safe_dump(manifest))
    return live(plane, namespace)


# One manifest, five ways


def as_file(plane: ControlPlane, folder: Path, manifest: Manifest) -> Path:
    del plane
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(manifest))
    return path


def of_kustomize(plane: ControlPlane, folder: Path) -> Path:
    """What `kubectl kustomize` builds of an overlay."""
    path = folder / "built.yaml"
    path.write_text(plane.must("kustomize", KUSTOMIZE / "production"))
    return path


def of_helm(plane: ControlPlane, folder: Path) -> Path:
    """What `helm template` renders of a chart; whole numbers come as numbers, lists as YAML."""
    path = folder / "rendered.yaml"
    path.write_text(helm(plane, "template", "digits", CHART, "--set=replicas=2"))
    return path


def without_namespace(manifest: Manifest) -> Manifest:
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "namespace"}
    return {**manifest, "metadata": metadata}


SOURCES: dict[str, Callable[[ControlPlane, Path], Path]] = {
    "what is required": lambda p, f: as_file(p, f, without_namespace(minimal())),
    "every field": lambda p, f: as_file(p, f, without_namespace(full())),
    "kustomize": of_kustomize,
    "helm template": of_helm,
}


@pytest.mark.parametrize("how", [CLIENT_SIDE, SERVER_SIDE], ids=["client-side", "server-side"])
@pytest.mark.parametrize("source", SOURCES)
def test_the_same_manifest_twice_changes_nothing(
    plane: ControlPlane, namespace: str, tmp_path: Path, source: str, how: tuple[str, ...]
) -> None:
    path = SOURCES[source](plane, tmp_path)
    # Helm wrote its release's namespace into the manifest.
    path.write_text(path.read_text().replace("namespace: default", f"namespace: {namespace}"))
    name = yaml.safe_load(path.read_text())["metadata"]["name"]
    plane.must("-n", namespace, *how, "-f", path)
    report(plane, namespace, name)
    first = version(plane, namespace)
    diff = plane.kubectl("-n", namespace, "diff", *how[1:], "-f", path)
    assert (diff.returncode, diff.stdout) == (0, "")
    plane.must("-n", namespace, *how, "-f", path)
    plane.must("-n", namespace, *how, "--dry-run=server", "-f", path)
    assert version(plane, namespace) == first


def test_helm_upgraded_to_the_same_values_changes_nothing(
    plane: ControlPlane, namespace: str
) -> None:
    for _ in range(2):
        helm(plane, "upgrade", "--install", "digits", CHART, "-n", namespace)
    metadata = live(plane, namespace)["metadata"]
    assert metadata["generation"] == 1
    helm(plane, "upgrade", "--install", "digits", CHART, "-n", namespace, "--set=replicas=2")
    assert live(plane, namespace)["metadata"]["generation"] == 2


# What is not written before it is asked for


def test_a_server_side_dry_run_shows_the_defaults_and_writes_nothing(
    plane: ControlPlane, namespace: str
) -> None:
    manifest = yaml.safe_dump(minimal(namespace=namespace))
    shown = plane.must(*SERVER_SIDE, "--dry-run=server", "-o", "json", "-f", "-", stdin=manifest)
    assert json.loads(shown)["spec"]["serving"]["batching"]["maxBatchSize"] == 8
    assert version(plane, namespace) == []


def test_a_dry_run_refuses_what_an_apply_would(plane: ControlPlane, namespace: str) -> None:
    wrong = changed(minimal(namespace=namespace), "spec.model.source.digest", "sha256:short")
    done = plane.kubectl(*CLIENT_SIDE, "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(wrong))
    assert done.returncode == 1
    assert "spec.model.source.digest" in done.stderr


def test_a_diff_shows_what_changed_and_nothing_else(plane: ControlPlane, namespace: str) -> None:
    server_side(plane, namespace, minimal(namespace=namespace), manager="kubectl")
    more = changed(minimal(namespace=namespace), "spec.replicas", 2)
    diff = plane.kubectl("diff", "--server-side", "-f", "-", stdin=yaml.safe_dump(more))
    assert diff.returncode == 1
    lines = [line for line in diff.stdout.splitlines() if line[:1] in {"+", "-"}]
    signs = [line for line in lines if line[:3] not in {"+++", "---"}]
    assert [line.replace(" ", "") for line in signs] == [
        "-generation:1",
        "+generation:2",
        "-replicas:1",
        "+replicas:2",
    ]


# Two managers


def of_platform(namespace: str, **spec: Any) -> Manifest:
    """What a platform team adds to somebody's model: only what it names."""
    whole = minimal(namespace=namespace)
    return {**whole, "spec": spec}


def test_two_managers_share_one_object(plane: ControlPlane, namespace: str) -> None:
    team = minimal(namespace=namespace)
    platform = of_platform(namespace, serving={"accelerator": GPU})
    server_side(plane, namespace, team)
    report(plane, namespace)
    seen = []
    for _ in range(3):
        server_side(plane, namespace, platform, manager="platform")
        metadata = server_side(plane, namespace, team)["metadata"]
        seen.append((metadata["generation"], metadata["resourceVersion"]))
    # The API server may write once more to put the managers' entries into the order of their times.
    assert seen[0][0] == seen[1][0]
    assert seen[1] == seen[2]
    assert live(plane, namespace)["spec"]["serving"]["accelerator"]["product"] == "NVIDIA-L4"
    # What the platform stops naming goes; the team's part stays.
    left = server_side(plane, namespace, of_platform(namespace), manager="platform")
    assert "accelerator" not in left["spec"]["serving"]
    assert left["spec"]["model"]["source"]["digest"] == digest("a")


def test_a_conflict_between_managers_is_told_and_changes_nothing(
    plane: ControlPlane, namespace: str
) -> None:
    server_side(plane, namespace, changed(minimal(namespace=namespace), "spec.replicas", 2))
    first = version(plane, namespace)
    other = yaml.safe_dump(of_platform(namespace, replicas=5))
    done = plane.kubectl(*SERVER_SIDE, "--field-manager=platform", "-f", "-", stdin=other)
    assert done.returncode == 1
    assert 'conflict with "team": .spec.replicas' in done.stderr
    assert version(plane, namespace) == first


def test_a_field_that_is_left_out_again_has_its_default_again(
    plane: ControlPlane, namespace: str
) -> None:
    manifest = minimal(namespace=namespace)
    set_to_two = changed(manifest, "spec.serving.instances", 2)
    assert server_side(plane, namespace, set_to_two)["spec"]["serving"]["instances"] == 2
    assert server_side(plane, namespace, manifest)["spec"]["serving"]["instances"] == 1


@pytest.mark.parametrize("how", [CLIENT_SIDE, SERVER_SIDE], ids=["client-side", "server-side"])
def test_a_default_makes_way_for_what_is_written_later(
    plane: ControlPlane, namespace: str, how: tuple[str, ...]
) -> None:
    """A default has no owner, so an apply that merged lists could never take an entry away."""
    manifest = minimal(namespace=namespace)
    plane.must(*how, "-f", "-", stdin=yaml.safe_dump(manifest))
    later = changed(manifest, "spec.optimization.targets", TENSORRT)
    later = changed(later, "spec.serving.accelerator", GPU)
    plane.must(*how, "-f", "-", stdin=yaml.safe_dump(later))
    assert live(plane, namespace)["spec"]["optimization"]["targets"] == TENSORRT


def test_who_scales_is_not_undone_by_an_apply_without_replicas(
    plane: ControlPlane, namespace: str
) -> None:
    manifest = minimal(namespace=namespace)
    server_side(plane, namespace, manifest)
    plane.must("-n", namespace, "scale", "mdep", "digits", "--replicas=3")
    assert server_side(plane, namespace, manifest)["spec"]["replicas"] == 3
    # The API server notes no owner for a custom resource's scale, so naming the number takes it.
    named = changed(manifest, "spec.replicas", 1)
    assert server_side(plane, namespace, named)["spec"]["replicas"] == 1
