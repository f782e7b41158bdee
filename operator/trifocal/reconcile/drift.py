"""Whether a live child still is what was applied: the rule by which a no-op pass writes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from trifocal.api.names import short_hash
from trifocal.api.schema import GROUP
from trifocal.reconcile.children import annotation
from trifocal.reconcile.observed import Manifest

APPLIED_ANNOTATION = f"{GROUP}/applied"
"""Hash of the manifest that was applied. What is no longer wanted is missing from the manifest, so
comparing field by field cannot see it; the hash does."""

_LISTS = (list, tuple)


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with its own hash as an annotation."""
    return annotated(manifest, {APPLIED_ANNOTATION: short_hash(manifest)})


def annotated(manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
    """A copy with more annotations."""
    meta = manifest["metadata"]
    merged = {**meta.get("annotations", {}), **annotations}
    return {**manifest, "metadata": {**meta, "annotations": merged}}


def has_drifted(wanted: Manifest, live: Manifest | None) -> bool:
    """Whether a stamped manifest must be applied: it is absent, was another, or was changed."""
    return (
        live is None
        or annotation(wanted, APPLIED_ANNOTATION) != annotation(live, APPLIED_ANNOTATION)
        or not is_contained(wanted, live)
    )


def is_contained(wanted: Any, live: Any) -> bool:
    """Whether each wanted field is in the live object; what others added does not matter.

    The API server leaves out empty values, so an empty wanted value equals an absent one. List
    entries compare by position, or by `name` where others have added entries. Both are JSON, so
    the builtin types are all there is; asking for their abstract classes takes most of a pass.
    """
    if wanted == live:
        return True
    if isinstance(wanted, dict):
        return isinstance(live or {}, dict) and all(
            is_contained(value, (live or {}).get(key)) for key, value in wanted.items()
        )
    if not wanted:
        return not live
    if isinstance(wanted, _LISTS):
        return isinstance(live, _LISTS) and _entries_contained(wanted, live)
    return False


def _entries_contained(wanted: Sequence[Any], live: Sequence[Any]) -> bool:
    if len(wanted) == len(live):
        return all(is_contained(w, have) for w, have in zip(wanted, live, strict=True))
    by_name = {have["name"]: have for have in live if isinstance(have, dict) and "name" in have}
    return len(wanted) < len(live) and all(
        isinstance(entry, dict)
        and "name" in entry
        and is_contained(entry, by_name.get(entry["name"]))
        for entry in wanted
    )
