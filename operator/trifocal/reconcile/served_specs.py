"""The specs of what served before, kept on the Service so that `rollout undo` can go back. Pure.

They stand on the Service because it outlives revisions, and because it is written when the traffic
moves anyway: keeping a spec costs no write of its own, and no pod, Deployment or Job becomes
another one. An earlier release's Service has none, and is given none before the next switch.

The list is packed as Helm packs its releases (deflate, base64). Ten specs that differ in a few
fields take a few hundred bytes more than one, so that the watch cache, which has to hold what the
next apply repeats, grows by 0.5 KB for a short spec and 2.5 KB for one that names every field.
"""

import binascii
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import GROUP

SERVED_SPECS_ANNOTATION = f"{GROUP}/served-specs"
"""On the Service: the specs that made the revisions which had the traffic, packed."""
SPECS_KEPT = 10
"""As many as a Deployment keeps ReplicaSets (revisionHistoryLimit), and as there are results kept
(`pruning.RESULTS_KEPT`): what can be gone back to seldom needs another Job."""
MAX_PACKED = 16 * 1024
"""Characters; beyond it the oldest specs are dropped. Kubernetes takes 256 KiB of annotations on an
object (TotalAnnotationSizeLimitB), but each model's Service is in memory."""
_MAX_UNPACKED = 4 * 1024 * 1024
"""Bytes that are unpacked at most: whoever may edit a Service must not fill the operator's memory.
Ten specs of 256 KiB, the most that an annotation could hold each, stay below."""
_NOT_RESTORED = {"replicas", "suspend"}
"""Written by scalers and by `rollout pause`: going back to a spec is neither (`kubectl rollout
undo` leaves the number of pods alone, too)."""


@dataclass(frozen=True, kw_only=True)
class ServedSpec:
    """What made one revision that had the traffic."""

    revision: str
    """As labels hold it."""
    spec: Mapping[str, Any]
    """As the user could write it: defaults, replicas and suspend are left out."""


def spec_of(md: ModelDeployment) -> dict[str, Any]:
    """The part of its spec that going back restores; the API server adds the defaults again."""
    # Unset leaves out defaults that follow from other fields; the other ones are written into
    # every object by the API server, so that they are set.
    return md.spec.model_dump(
        mode="json",
        by_alias=True,
        exclude_unset=True,
        exclude_defaults=True,
        exclude=_NOT_RESTORED,
    )


def served_specs(text: str | None) -> tuple[ServedSpec, ...]:
    """The list of an annotation, the last that got the traffic first.

    Empty for what nobody can read: a person may have edited it.
    """
    try:
        packed = b64decode(text or "", validate=True)
        listed = json.loads(zlib.decompressobj().decompress(packed, _MAX_UNPACKED))
        return tuple(ServedSpec(revision=each["revision"], spec=each["spec"]) for each in listed)
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, RecursionError):
        return ()


def with_switch(text: str | None, revision: str, spec: Mapping[str, Any] | None) -> str | None:
    """The annotation when the traffic moves to a revision.

    Args:
        text: The annotation as it is; None where there is none.
        revision: What gets the traffic.
        spec: What made it; None if that is not the present spec, since the traffic moves back.

    Returns:
        None where there is nothing to keep.
    """
    earlier = served_specs(text)
    known = next((each.spec for each in earlier if each.revision == revision), None)
    found = spec if spec is not None else known
    first = () if found is None else (ServedSpec(revision=revision, spec=found),)
    kept = (*first, *(each for each in earlier if each.revision != revision))[:SPECS_KEPT]
    while kept and len(_packed(kept)) > MAX_PACKED:
        kept = kept[:-1]
    return _packed(kept) if kept else None


def _packed(specs: Iterable[ServedSpec]) -> str:
    text = json.dumps([asdict(each) for each in specs], sort_keys=True, separators=(",", ":"))
    return b64encode(zlib.compress(text.encode(), level=9)).decode()
