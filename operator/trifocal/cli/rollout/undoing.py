"""Which spec an undo goes back to, and as what patch. Pure."""

from collections.abc import Mapping
from typing import Any

from trifocal.cli.plan.applying import three_way_patch
from trifocal.cli.seen import Seen
from trifocal.cli.session import Unanswered
from trifocal.reconcile.children import annotation, named
from trifocal.reconcile.served_specs import (
    SERVED_SPECS_ANNOTATION,
    ServedSpec,
    served_specs,
    spec_of,
)

_KEPT_AS_IT_IS = ("replicas", "suspend")
"""`served_specs` does not keep them: they belong to scalers and to `rollout pause`."""
_ELSEWHERE = "Apply the earlier manifest, for example with `git revert`; its result may be kept."


def kept_specs(seen: Seen) -> tuple[ServedSpec, ...]:
    """Specs that can be gone back to, the last that got the traffic first."""
    service = named(seen.observed.services, seen.body["metadata"]["name"])
    return served_specs(annotation(service, SERVED_SPECS_ANNOTATION) if service else None)


def previous(seen: Seen) -> ServedSpec | None:
    """What an undo goes back to.

    While the present spec has the traffic, to the one that had it before. While it has not, to the
    one that has: that ends a rollout which does not come to its end.
    """
    kept, serving = kept_specs(seen), serving_revision(seen)
    if has_traffic(seen):
        return next((each for each in kept if each.revision != serving), None)
    return next((each for each in kept if each.revision == serving), None)


def target(seen: Seen, revision: str | None) -> ServedSpec:
    """The spec to restore.

    Args:
        seen: The object.
        revision: The first letters of a revision's hash; None for the previous one.

    Raises:
        Unanswered: No such spec is kept.
    """
    name = seen.body["metadata"]["name"]
    if revision is None:
        found = previous(seen)
        if found is None:
            raise Unanswered(f"{_nothing(seen)} {_ELSEWHERE}")
        return found
    kept = kept_specs(seen)
    matching = [each for each in kept if each.revision.startswith(revision)]
    if len(matching) == 1 and revision:
        return matching[0]
    listed = ", ".join(each.revision for each in kept) or "none"
    many = "more than one spec is" if matching else "no spec is"
    raise Unanswered(
        f"Of {name}, {many} kept for revision {revision or '(empty)'}; kept: {listed}."
    )


def undo_patch(body: Mapping[str, Any], kept: ServedSpec) -> dict[str, Any]:
    """As a merge patch that fails on an object which somebody else has changed meanwhile.

    The API server takes `metadata.resourceVersion` in a patch as a precondition (Kubernetes API
    concepts, "Resource versions"; 409 Conflict). Fields that the kept spec does not say become
    null: they go away, or get their defaults.
    """
    held = {key: body["spec"][key] for key in _KEPT_AS_IT_IS if key in body["spec"]}
    return {
        "metadata": {"resourceVersion": body["metadata"]["resourceVersion"]},
        "spec": three_way_patch(body["spec"], {**kept.spec, **held}),
    }


def serving_revision(seen: Seen) -> str | None:
    """What has the traffic, as the status says."""
    found: str | None = seen.revision.get("serving")
    return found


def has_traffic(seen: Seen) -> bool:
    """Whether the present spec is the one that serves.

    The operator says so of a generation that it has looked at. Of a newer one it is known if it is
    the spec that was kept: a scaler may have written the number of pods a moment ago.
    """
    serving = serving_revision(seen)
    is_seen = seen.status.get("observedGeneration") == seen.body["metadata"].get("generation")
    if serving is not None and is_seen:
        return seen.revision.get("wanted") == serving
    kept = next((each.spec for each in kept_specs(seen) if each.revision == serving), None)
    return seen.md is not None and kept == spec_of(seen.md)


def _nothing(seen: Seen) -> str:
    name, serving = seen.body["metadata"]["name"], serving_revision(seen)
    if serving is None:
        return f"No revision of {name} has the traffic, so there is none to go back to."
    older = "an older release made it, or its Service was deleted"
    if not has_traffic(seen):
        return f"The spec of revision {serving}, which serves, is not kept: {older}."
    return f"No spec that served before revision {serving} is kept: there was none, or {older}."
