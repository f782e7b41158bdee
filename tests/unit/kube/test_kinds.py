"""Where kinds live in the API (paths as in the API reference)."""

import pytest

from trifocal.kube.kinds import WATCHED, kind_named, kind_of


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Pod", "/api/v1/namespaces/ns/pods/a"),
        ("Job", "/apis/batch/v1/namespaces/ns/jobs/a"),
        ("Lease", "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a"),
        ("ModelDeployment", "/apis/trifocal.dev/v1alpha1/namespaces/ns/modeldeployments/a"),
    ],
)
def test_the_path_of_one_object(kind: str, path: str) -> None:
    assert kind_named(kind).path("ns", "a") == path


def test_the_path_of_all_objects() -> None:
    assert kind_named("Deployment").path(None) == "/apis/apps/v1/deployments"


def test_a_name_cannot_leave_its_place_in_the_path() -> None:
    assert kind_named("Pod").path("ns", "../../secrets") == (
        "/api/v1/namespaces/ns/pods/..%2F..%2Fsecrets"
    )


def test_events_are_written_in_the_new_group_and_read_in_the_core_group() -> None:
    assert kind_of("events.k8s.io/v1", "Event").path("ns") == (
        "/apis/events.k8s.io/v1/namespaces/ns/events"
    )
    assert kind_named("Event").path("ns") == "/api/v1/namespaces/ns/events"


def test_secrets_are_no_business_of_the_operator() -> None:
    assert "Secret" not in [kind.name for kind in WATCHED]
    with pytest.raises(KeyError):
        kind_named("Secret")
