"""What a new CustomResourceDefinition takes away from the users of the last one. Pure.

A field may be added, a bound may be widened. Everything else breaks somebody: a manifest in git
that was accepted, or an object in etcd that has to be written to once more. The rules are those
of the Kubernetes API conventions (sig-architecture/api_changes.md, "Backward compatibility
gotchas") for structural schemas, with validation ratcheting (KEP-4008) for CEL rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

_SAME = (
    *("type", "format", "nullable", "x-kubernetes-int-or-string"),
    "x-kubernetes-map-type",
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"),
)
"""What has to stay word for word."""
_LIST_TYPE = "x-kubernetes-list-type"
_MERGING = (_LIST_TYPE, "x-kubernetes-list-map-keys")
"""How two appliers' entries of one list are put together."""
_LOWER = ("minimum", "minLength", "minItems", "minProperties")
"""Bounds that may only fall; absent is the lowest."""
_UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
"""Bounds that may only rise; absent is the highest."""
_RULES = "x-kubernetes-validations"


def breaking_changes(old: Schema, new: Schema) -> tuple[str, ...]:
    """A sentence for each change that breaks somebody; none when everything is additive."""
    return tuple(_of_definition(old["spec"], new["spec"]))


def _of_definition(old: Schema, new: Schema) -> Iterator[str]:
    for field in ("group", "scope"):
        if old[field] != new[field]:
            yield _changed(f"the CRD's {field}", old[field], new[field])
    for field in ("kind", "plural", "singular", "shortNames"):
        if old["names"].get(field) != new["names"].get(field):
            yield _changed(
                f"the CRD's name {field}", old["names"].get(field), new["names"].get(field)
            )
    versions = {version["name"]: version for version in new["versions"]}
    for version in old["versions"]:
        yield from _of_version(version, versions.get(version["name"]))


def _of_version(old: Schema, new: Schema | None) -> Iterator[str]:
    name = old["name"]
    if new is None or (old["served"] and not new["served"]):
        yield f"Version {name} is not served any more: manifests that name it are refused."
        return
    if old["storage"] and not new["storage"]:
        yield f"Version {name} is not the stored one any more: objects in etcd need converting."
    for subresource, paths in old.get("subresources", {}).items():
        found = new.get("subresources", {}).get(subresource)
        if found != paths:
            yield _changed(f"the subresource {subresource} of {name}", paths, found)
    before, after = (each["schema"]["openAPIV3Schema"] for each in (old, new))
    yield from _of_schema(before, after, "")


def _of_schema(old: Schema, new: Schema, path: str) -> Iterator[str]:
    where = path.removeprefix(".") or "the whole object"
    # A list may become atomic: whoever owned an entry then owns it all (Kubernetes documentation,
    # Server-Side Apply, "Compatibility across topology changes").
    for keyword in _SAME if new.get(_LIST_TYPE) == "atomic" else (*_SAME, *_MERGING):
        if old.get(keyword) != new.get(keyword):
            yield _changed(f"{keyword} of {where}", old.get(keyword), new.get(keyword))
    if not _is_kept(old.get("default"), new.get("default")):
        yield _changed(f"default of {where}", old.get("default"), new.get("default"))
    yield from _of_bounds(old, new, where)
    yield from _of_choices(old, new, where)
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{where} now requires {name}: manifests without it are refused."
    yield from _of_rules(old, new, where)
    properties = new.get("properties", {})
    for name, each in old.get("properties", {}).items():
        if name not in properties:
            yield f"{path.removeprefix('.')}.{name} is gone: what users wrote there is dropped."
        else:
            yield from _of_schema(each, properties[name], f"{path}.{name}")
    if "items" in old and "items" in new:
        yield from _of_schema(old["items"], new["items"], f"{path}[]")


def _is_kept(old: object, new: object) -> bool:
    """Whether objects that left the field out stay what they are, new fields apart."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(name in new and _is_kept(each, new[name]) for name, each in old.items())
    return old == new


def _of_bounds(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for keyword in _LOWER:
        if new.get(keyword, float("-inf")) > old.get(keyword, float("-inf")):
            yield _narrowed(keyword, where, old, new)
    for keyword in _UPPER:
        if new.get(keyword, float("inf")) < old.get(keyword, float("inf")):
            yield _narrowed(keyword, where, old, new)
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        if new.get(keyword) and not old.get(keyword):
            yield _narrowed(keyword, where, old, new)


def _of_choices(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "enum" in new and "enum" not in old:
        yield f"{where} now takes only {_listed(new['enum'])}: other values are refused."
    elif "enum" in new and (lost := [each for each in old["enum"] if each not in new["enum"]]):
        yield f"{where} does not take {_listed(lost)} any more."
    if new.get("pattern") not in {None, old.get("pattern")}:
        yield _changed(f"pattern of {where}", old.get("pattern"), new["pattern"])


def _of_rules(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """New rules are held back for unchanged values, except where that cannot be.

    The whole object changes with each status, so a rule on it that came later would keep an old
    object's status from being written; one that speaks of oldSelf is never held back.
    """
    known = {rule["rule"] for rule in old.get(_RULES, ())}
    for rule in new.get(_RULES, ()):
        if rule["rule"] in known or rule.get("optionalOldSelf"):
            continue
        if where == "the whole object" or "oldSelf" in rule["rule"]:
            yield (
                f"The new rule {rule['rule']!r} on {where} would refuse even the status of objects "
                "that are older than it; let it hold at creation only (optionalOldSelf)."
            )


def _changed(what: str, old: object, new: object) -> str:
    return f"{what[0].upper()}{what[1:]} was {old!r} and is {new!r}."


def _narrowed(keyword: str, where: str, old: Schema, new: Schema) -> str:
    bounds = (old.get(keyword, "unset"), new[keyword])
    return f"{keyword} of {where} was {bounds[0]} and is {bounds[1]}: values between are refused."


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
