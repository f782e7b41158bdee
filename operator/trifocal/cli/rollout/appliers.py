"""Who will set a field back that is changed by hand: managers that apply it, and GitOps. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from trifocal.cli.user_cluster import FIELD_MANAGER
from trifocal.cli.written import Path

_MARKS: Final = (
    ("kustomize.toolkit.fluxcd.io/", "Flux (kustomize-controller)"),
    ("helm.toolkit.fluxcd.io/", "Flux (helm-controller)"),
    ("argocd.argoproj.io/", "Argo CD"),
)
"""Prefixes of labels and annotations that a tool puts on what it applies. Argo CD's default label,
app.kubernetes.io/instance, is left out: everybody writes it."""


def appliers(body: Mapping[str, Any], paths: Iterable[Path]) -> tuple[str, ...]:
    """Managers that apply one of these fields server-side, sorted; paths are below spec."""
    wanted = tuple(paths)
    entries = body["metadata"].get("managedFields") or ()
    found = {
        str(entry["manager"])
        for entry in entries
        if entry.get("operation") == "Apply"
        and entry["manager"] != FIELD_MANAGER
        and any(_owns(entry.get("fieldsV1") or {}, ("spec", *path)) for path in wanted)
    }
    return tuple(sorted(found))


def sources(body: Mapping[str, Any], paths: Iterable[Path]) -> tuple[str, ...]:
    """The same, and the GitOps tools whose marks the object has, whatever way they write."""
    metadata = body["metadata"]
    keys = (*(metadata.get("labels") or ()), *(metadata.get("annotations") or ()))
    marked = (tool for prefix, tool in _MARKS if any(key.startswith(prefix) for key in keys))
    return tuple(dict.fromkeys((*appliers(body, paths), *marked)))


def warnings(owners: Iterable[str], what: str) -> Iterator[str]:
    """A sentence for each."""
    for owner in owners:
        yield f"{owner} applies {what} and will set it back; change it where {owner} has it from."


def _owns(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether it owns the field, a part of it, or the whole that it is a part of.

    A set of fields (structured-merge-diff's FieldsV1) is a tree whose leaves are empty: what is
    below a leaf belongs to it, as the items of a list that is replaced as a whole.
    """
    inner: Any = fields
    for key in path:
        if not inner:
            return True
        inner = inner.get(f"f:{key}")
        if inner is None:
            return False
    return True
