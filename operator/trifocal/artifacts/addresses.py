"""Which network addresses may not be fetched from: those where clouds hand out credentials. Pure.

A URI comes from a tenant, the request from a pod on the node's network. Without this a URI could
name the node's metadata service and return the node's own credentials as a "model".
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError

Address = IPv4Address | IPv6Address

FORBIDDEN_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: AWS, Azure, GCP, OCI, DigitalOcean metadata, ECS, EKS
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # AWS metadata over IPv6
        "fd20:ce::254/128",  # GCP metadata over IPv6
        "100.100.100.200/32",  # Alibaba Cloud metadata
        "192.0.0.192/32",  # Oracle Cloud Classic metadata
        "168.63.129.16/32",  # Azure wire server
        "0.0.0.0/8",  # "this host": Linux connects 0.0.0.0 to itself
    )
)

METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "instance-data",
        "instance-data.ec2.internal",
    }
)


def check_host(host: str) -> None:
    """Refuse the well-known names of metadata services.

    Raises:
        RefusedError: SourceRefused.
    """
    if host.lower().rstrip(".") in METADATA_NAMES:
        raise _refusal(host, "is a cloud metadata service")


def check_addresses(host: str, addresses: Iterable[Address]) -> None:
    """Refuse a host if any of its addresses is forbidden; checked after name resolution.

    Raises:
        RefusedError: SourceRefused.
    """
    for address in addresses:
        plain = getattr(address, "ipv4_mapped", None) or address
        if any(plain in network for network in FORBIDDEN_NETWORKS):
            raise _refusal(host, f"resolves to {plain}, a link-local or metadata address")


def _refusal(host: str, why: str) -> RefusedError:
    return RefusedError(
        Reason.SOURCE_REFUSED,
        f"The host {host} {why}; such hosts are never fetched from. Use another host.",
    )
