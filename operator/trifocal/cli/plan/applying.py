"""What `kubectl apply` would make of an object, asked as a dry run of the same kind.

An object that somebody applies server-side is tried as that manager: what it owns and the file no
longer says goes away, what others own stays. Otherwise it is kubectl's three-way merge of custom
resources: fields go away that the last applied manifest had and the file has not.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trifocal.cli.user_cluster import UserCluster
from trifocal.kube.client import Manifest

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


async def dry_run(
    kube: UserCluster, manifest: Manifest, live: Manifest | None, field_manager: str | None = None
) -> Manifest:
    """The object as the API server would store it, with defaults. Nothing is written.

    Args:
        kube: The caller's cluster.
        manifest: As the file has it, with a namespace.
        live: The object as it is; None where there is none.
        field_manager: Who will apply it server-side; None means as the last time.

    Raises:
        Refused: The API server does not take it.
    """
    wanted = {key: value for key, value in manifest.items() if key != "status"}
    if live is None:
        return await kube.try_create(wanted)
    manager = field_manager or applier(live)
    if manager is not None:
        return await kube.try_apply(wanted, manager)
    return await kube.try_merge(wanted, three_way_patch(last_applied(live), wanted))


def applier(live: Manifest) -> str | None:
    """Who applies the object server-side: of several the one with the most fields."""
    entries = live["metadata"].get("managedFields") or ()
    applied = [e for e in entries if e.get("operation") == "Apply" and not e.get("subresource")]
    widest = max(applied, key=lambda e: len(json.dumps(e.get("fieldsV1"))), default=None)
    return None if widest is None else str(widest["manager"])


def last_applied(live: Manifest) -> Mapping[str, Any]:
    """The manifest that kubectl noted; empty where it noted none."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED, "{}")
    noted: dict[str, Any] = json.loads(text)
    return noted


def three_way_patch(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted manifest as a merge patch, with null for what is no longer said (RFC 7386)."""
    return dict(_patched(before, wanted))


def _patched(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in wanted.items():
        old = before.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        yield key, three_way_patch(old or {}, value) if both else value
    for key in before.keys() - wanted.keys():
        yield key, None
