"""Every pod meets the Pod Security Standard `restricted`, and more; checked by our own list.

The list is the standard's page (kubernetes.io, "Pod Security Standards", restricted), not the
builder. That the API server agrees is an integration test.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.resources.deployments import RESULT, SETTINGS, full, image_of, minimal
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.headroom import headroom_deployment
from trifocal.resources.optimization_job import build_request, optimization_job
from trifocal.resources.revision import revision_deployment

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def pods() -> Iterator[Any]:
    for size, md in (("minimal", minimal()), ("full", full())):
        job = optimization_job(md, build_request(md, SETTINGS), SETTINGS)
        yield pytest.param(job["spec"]["template"]["spec"], id=f"{size}-job")
        serving = _deployment(md)
        yield pytest.param(serving["spec"]["template"]["spec"], id=f"{size}-serving")
        kept = headroom_deployment(md, serving, 1, SETTINGS)
        yield pytest.param(kept["spec"]["template"]["spec"], id=f"{size}-headroom")


def _deployment(md: ModelDeployment) -> dict[str, Any]:
    return revision_deployment(md, "0" * 64, RESULT, image_of(md), SETTINGS, 1)


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.fixture(params=list(pods()))
def pod(request: pytest.FixtureRequest) -> dict[str, Any]:
    spec: dict[str, Any] = request.param
    return spec


def test_no_container_can_gain_privileges_or_keeps_a_capability(pod: dict[str, Any]) -> None:
    for container in containers(pod):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security
        assert "procMount" not in security


def test_every_container_runs_as_an_ordinary_user_under_the_default_seccomp_profile(
    pod: dict[str, Any],
) -> None:
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        # Nothing of a container's own undoes the pod's.
        assert not {"runAsUser", "runAsNonRoot", "seccompProfile"} & set(
            container["securityContext"]
        )


def test_nothing_of_the_host_is_shared(pod: dict[str, Any]) -> None:
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod)
    for volume in pod.get("volumes", ()):
        assert set(volume) - {"name"} <= ALLOWED_VOLUMES
    for container in containers(pod):
        assert not any("hostPort" in port for port in container.get("ports", []))


def test_root_file_systems_are_read_only_and_no_api_token_is_mounted(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    for container in containers(pod):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_every_mount_has_its_volume_and_every_volume_its_mount(pod: dict[str, Any]) -> None:
    mounted = {m["name"] for c in containers(pod) for m in c.get("volumeMounts", ())}
    volumes = [v["name"] for v in pod.get("volumes", ())]
    assert mounted == set(volumes)
    assert len(volumes) == len(set(volumes))


def test_secrets_reach_no_container_that_serves_requests(pod: dict[str, Any]) -> None:
    """Triton and the front talk to clients; only fetch and the optimizer read the store."""
    for container in containers(pod):
        if container["name"] in {"triton", "front"}:
            mounts = container.get("volumeMounts", ())
            assert not any(m["mountPath"].startswith("/secrets") for m in mounts)
