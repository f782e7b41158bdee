"""Claims, Secrets and URIs as a pod sees them."""

import pytest

from trifocal.api.location import LocalObjectReference, Location, VerifiedLocation
from trifocal.resources.locations import Place, mounts, resolve, volumes

DIGEST = "sha256:" + 64 * "a"


def place(role: str, uri: str, *, claim: str | None = None, writable: bool = False) -> Place:
    location = Location(uri=uri, claim_name=claim)
    return Place(role=role, location=location, path=f"/sources/{role}", writable=writable)


@pytest.mark.parametrize(
    ("uri", "inside"),
    [
        ("file:///model.onnx", "file:///sources/source/model.onnx"),
        ("file:///deep/er/model.onnx", "file:///sources/source/deep/er/model.onnx"),
        ("file:///", "file:///sources/source"),
        ("file:///folder/", "file:///sources/source/folder"),
        # An object older than the rule against `..` cannot leave its claim either.
        ("file:///../../etc/passwd", "file:///sources/source/etc/passwd"),
        ("file:///a/../../../secrets/x", "file:///sources/source/secrets/x"),
    ],
)
def test_a_file_lies_under_its_roles_mount_and_never_outside(uri: str, inside: str) -> None:
    location = Location.model_construct(uri=uri, claim_name="data")
    assert Place(role="source", location=location, path="/sources/source").uri == inside


@pytest.mark.parametrize("uri", ["s3://bucket/key", "https://example.com/model.onnx?v=1"])
def test_other_uris_are_passed_on(uri: str) -> None:
    assert place("source", uri).uri == uri


def test_a_location_is_resolved_with_its_digest_endpoint_and_credentials() -> None:
    location = VerifiedLocation(
        uri="s3://bucket/key",
        endpoint="https://s3.example.com",
        secret_ref=LocalObjectReference(name="reader"),
        digest=DIGEST,
    )
    resolved = resolve(Place(role="evaluation", location=location, path="/unused"))
    assert resolved.model_dump() == {
        "uri": "s3://bucket/key",
        "digest": DIGEST,
        "endpoint": "https://s3.example.com",
        "credentials_dir": "/secrets/evaluation",
    }


def test_a_claim_of_several_roles_is_one_volume_with_a_mount_for_each() -> None:
    """Two volumes of one claim would keep the pod from ever starting."""
    places = (
        place("source", "file:///m", claim="data"),
        place("evaluation", "file:///e", claim="data"),
        place("store", "file:///", claim="artifacts", writable=True),
    )
    assert volumes(places) == [
        {"name": "claim-0", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "claim-1", "persistentVolumeClaim": {"claimName": "artifacts"}},
    ]
    assert mounts(places) == [
        {"name": "claim-0", "mountPath": "/sources/source", "readOnly": True},
        {"name": "claim-0", "mountPath": "/sources/evaluation", "readOnly": True},
        {"name": "claim-1", "mountPath": "/sources/store"},
    ]


def test_a_secret_becomes_files_that_only_the_pods_group_reads() -> None:
    location = Location(uri="s3://bucket/key", secret_ref=LocalObjectReference(name="reader"))
    places = (Place(role="store", location=location, path="/store"),)
    assert volumes(places) == [
        {
            "name": "secret-store",
            "secret": {"secretName": "reader", "defaultMode": 0o440, "optional": False},
        }
    ]
    assert mounts(places) == [
        {"name": "secret-store", "mountPath": "/secrets/store", "readOnly": True}
    ]
