"""The children of a ModelDeployment without what no two runs have in common."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.faults.client import Client, Manifest
from tests.faults.evidence import Child, request_of
from trifocal.api import names
from trifocal.reconcile.drift import APPLIED_ANNOTATION
from trifocal.reconcile.revisions import PROVED_AT_ANNOTATION
from trifocal.reconcile.rollout import PREVIOUS_ANNOTATION, SWITCHED_AT_ANNOTATION
from trifocal.reconcile.served_specs import SERVED_SPECS_ANNOTATION

DIRECT = (
    "ConfigMap",
    "Job",
    "Deployment",
    "Service",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
"""Kinds that the operator writes; pods and ReplicaSets are the controllers'."""

_METADATA = ("name", "labels", "annotations", "ownerReferences", "finalizers")
_HISTORY = {
    *(APPLIED_ANNOTATION, PROVED_AT_ANNOTATION, PREVIOUS_ANNOTATION),
    *(SWITCHED_AT_ANNOTATION, SERVED_SPECS_ANNOTATION),
}
"""Annotations that record times and what was before; the first is a hash over the others, too."""
_ALLOTTED = {"clusterIP", "clusterIPs"}
_MADE_UP = {"controller-uid", "batch.kubernetes.io/controller-uid"}
"""Labels that the API server puts on a Job's pods."""

_KEY = re.compile("(?<=trifocal-restricted=)[0-9a-f]{32}")
"""What Triton's restricted APIs ask for; made from the owner's uid."""


def children(client: Client, namespace: str, name: str) -> dict[Child, Any]:
    """What the operator made for this object, as it stands."""
    found = [
        obj
        for kind in DIRECT
        for obj in client.list(kind, namespace)
        if (obj["metadata"].get("labels") or {}).get(names.NAME_LABEL) == name
    ]
    wanted = _wanted_request(client, namespace, name)
    words = {namespace: "NAMESPACE", **_revisions(found)}
    kept = (_masked(obj, words) for obj in found if _belongs_to(obj, name, wanted))
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in kept}


def _revisions(found: Iterable[Manifest]) -> dict[str, str]:
    """The hashes of revisions by number: they cover a key that is made from the owner's uid."""
    labels = (obj["metadata"]["labels"].get(names.REVISION_LABEL) for obj in found)
    return {hash_: f"REVISION{n}" for n, hash_ in enumerate(sorted({h for h in labels if h}))}


def _wanted_request(client: Client, namespace: str, name: str) -> str:
    md = client.get("ModelDeployment", namespace, name) or {}
    return str((md.get("status", {}).get("optimization") or {}).get("request", ""))


def _belongs_to(obj: Manifest, name: str, request: str) -> bool:
    """Of the optimization only the recorded result counts, and that of what is asked for now.

    Other results are kept on purpose, so that going back costs nothing; then there is no Job.
    """
    if not request_of(obj):
        return True
    return bool(obj["metadata"]["name"] == names.optimization_result(name, request))


def _masked(obj: Manifest, words: Mapping[str, str]) -> Any:
    metadata = {key: obj["metadata"][key] for key in _METADATA if key in obj["metadata"]}
    metadata["annotations"] = _without(metadata.get("annotations") or {}, _HISTORY)
    metadata["ownerReferences"] = [
        _without(owner, {"uid"}) for owner in metadata.get("ownerReferences") or ()
    ]
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    text = _KEY.sub("KEY", json.dumps({"metadata": metadata, **rest}))
    for word, mask in words.items():
        text = text.replace(word, mask)
    return _pruned(json.loads(text))


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _pruned(v) for k, v in _without(value, _ALLOTTED | _MADE_UP).items()}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value


def _without(mapping: Manifest, keys: Iterable[str]) -> Manifest:
    return {key: value for key, value in mapping.items() if key not in set(keys)}


def differences(got: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, as sentences."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [
            line
            for key in sorted({*got, *wanted}, key=str)
            for line in differences(got.get(key), wanted.get(key), f"{path}/{_text(key)}")
        ]
    return [] if got == wanted else [f"{path}: {_short(got)} instead of {_short(wanted)}"]


def _text(key: Any) -> str:
    return " ".join(key) if isinstance(key, tuple) else str(key)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 160 else f"{text[:160]}..."
