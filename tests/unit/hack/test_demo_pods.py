"""The demo's own pods pass the restricted pod security standard and hold no credential."""

from hack.demo.pod import PodPlan

SPEC = PodPlan(
    name="p",
    command=("true",),
    volume={"emptyDir": {}},
    mount="/m",
    environment={"A": "b"},
    cpu_limit="1",
).manifest()["spec"]


def test_restricted_as_the_standard_lists_it() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    (container,) = SPEC["containers"]
    assert SPEC["securityContext"]["runAsNonRoot"] is True
    assert SPEC["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_token_and_bounded() -> None:
    assert SPEC["automountServiceAccountToken"] is False
    assert SPEC["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
