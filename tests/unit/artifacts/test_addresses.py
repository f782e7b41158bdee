"""Metadata services are never fetched from, however they are named."""

from ipaddress import ip_address

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.addresses import check_addresses, check_host
from trifocal.artifacts.failure import RefusedError


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # AWS, Azure, GCP, OCI
        "169.254.170.2",  # ECS task credentials
        "169.254.170.23",  # EKS pod identity
        "fd00:ec2::254",
        "fe80::1",
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure wire server
        "::ffff:169.254.169.254",  # the same, mapped into IPv6
        "0.0.0.0",  # noqa: S104 - an address to connect to, not to listen on
    ],
)
def test_metadata_address_is_refused(address: str) -> None:
    with pytest.raises(RefusedError, match="link-local or metadata address") as refusal:
        check_addresses("innocent.example.org", [ip_address("192.0.2.1"), ip_address(address)])
    assert refusal.value.reason is Reason.SOURCE_REFUSED


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "192.168.1.1", "2001:db8::1"])
def test_cluster_and_public_addresses_are_allowed(address: str) -> None:
    check_addresses("minio.storage.svc", [ip_address(address)])


@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "METADATA.google.internal.", "metadata"]
)
def test_metadata_name_is_refused_before_it_is_resolved(host: str) -> None:
    with pytest.raises(RefusedError, match="cloud metadata service"):
        check_host(host)
