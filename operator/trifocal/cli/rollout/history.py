"""The revisions and results of one ModelDeployment that are still there. Pure.

What can be put back into force is the spec of a revision that had the traffic (`served_specs`).
What costs is kept, too: the results of earlier optimizations. Whoever applies an earlier manifest
again, or goes back to its spec, gets its result without another Job.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trifocal.cli.rollout.undoing import kept_specs, previous, serving_revision
from trifocal.cli.seen import Seen
from trifocal.reconcile.children import (
    annotation,
    instant,
    named,
    request_of,
    revision_of,
)
from trifocal.reconcile.observe import RESULT_KEY
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.revisions import PROVED_AT_ANNOTATION, read_revision
from trifocal.reconcile.rollout import PREVIOUS_ANNOTATION
from trifocal.resources.revision import FETCH_CONTAINER, TRITON_CONTAINER

_ARTIFACT_ARGUMENT = "--artifact"


class Role(StrEnum):
    """What a revision is for now."""

    SERVING = "has the traffic"
    WANTED = "is to get the traffic"
    REFUSED = "never gets traffic"
    PREVIOUS = "had the traffic before"
    LEFT_OVER = "goes away"


@dataclass(frozen=True, kw_only=True)
class KeptRevision:
    """A revision whose Deployment is there."""

    name: str
    role: Role
    created: datetime
    proved: datetime | None
    """When it first got the traffic."""
    replicas: int
    ready: int
    artifact: str
    image: str
    """Triton's."""
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class KeptResult:
    """A recorded result of an optimization that has an artifact."""

    request: str
    chosen: str
    artifact: str
    recorded: datetime
    in_force: bool
    """Whether the present spec asks for it."""


@dataclass(frozen=True, kw_only=True)
class KeptSpec:
    """A spec that `rollout undo` can put back."""

    revision: str
    has_traffic: bool
    is_previous: bool
    """Whether an undo without `--to-revision` goes there."""


@dataclass(frozen=True, kw_only=True)
class History:
    """Newest first, all; specs by when they last got the traffic."""

    revisions: tuple[KeptRevision, ...]
    specs: tuple[KeptSpec, ...]
    results: tuple[KeptResult, ...]


def history(seen: Seen) -> History:
    """What is kept of the object's past."""
    revisions, results = _revisions(seen), _results(seen)
    return History(
        revisions=tuple(sorted(revisions, key=lambda each: each.created, reverse=True)),
        specs=tuple(_specs(seen)),
        results=tuple(sorted(results, key=lambda each: each.recorded, reverse=True)),
    )


def serving_deployments(seen: Seen) -> tuple[Manifest, ...]:
    """The Deployments of the revision that has the traffic: one, or one for each GPU product."""
    return read_revision(seen.observed, str(serving_revision(seen))).deployments


def _revisions(seen: Seen) -> Iterator[KeptRevision]:
    for revision in sorted({revision_of(each) or "" for each in seen.observed.deployments}):
        found = read_revision(seen.observed, revision)
        deployment = found.deployment
        if deployment is None:
            continue
        proved = min(found.notes(PROVED_AT_ANNOTATION), default=None)
        yield KeptRevision(
            name=revision,
            role=_role(seen, revision, is_refused=found.refused is not None),
            created=_created(deployment),
            proved=instant(proved) if proved else None,
            replicas=found.replicas,
            ready=len(found.ready),
            artifact=_artifact(deployment),
            image=_image(deployment),
            refusal=found.refused.message if found.refused else "",
        )


def _specs(seen: Seen) -> Iterator[KeptSpec]:
    goes_to = previous(seen)
    for kept in kept_specs(seen):
        yield KeptSpec(
            revision=kept.revision,
            has_traffic=kept.revision == serving_revision(seen),
            is_previous=goes_to is not None and kept.revision == goes_to.revision,
        )


def _role(seen: Seen, revision: str, *, is_refused: bool) -> Role:
    if revision == seen.revision.get("serving"):
        return Role.SERVING
    if is_refused:
        return Role.REFUSED
    if revision == seen.revision.get("wanted"):
        return Role.WANTED
    return Role.PREVIOUS if revision == _before(seen) else Role.LEFT_OVER


def _before(seen: Seen) -> str | None:
    service = named(seen.observed.services, seen.body["metadata"]["name"])
    return annotation(service, PREVIOUS_ANNOTATION) if service else None


def _results(seen: Seen) -> Iterator[KeptResult]:
    asked = seen.optimization.get("request")
    for config_map in seen.observed.config_maps:
        request = request_of(config_map)
        result = seen.observed.results.get(request or "")
        if result is None or result.artifact is None or not _is_record(config_map):
            continue
        yield KeptResult(
            request=result.request,
            chosen=result.chosen or "",
            artifact=result.artifact,
            recorded=_created(config_map),
            in_force=result.request == asked,
        )


def _is_record(config_map: Manifest) -> bool:
    """Of the two ConfigMaps of a request, the one with the result."""
    return RESULT_KEY in (config_map.get("data") or {})


def _created(child: Manifest) -> datetime:
    return instant(str(child["metadata"]["creationTimestamp"]))


def _artifact(deployment: Manifest) -> str:
    fetch = _container(deployment, "initContainers", FETCH_CONTAINER)
    arguments = [*(fetch.get("command") or ()), *(fetch.get("args") or ())]
    if _ARTIFACT_ARGUMENT not in arguments[:-1]:
        return ""
    return str(arguments[arguments.index(_ARTIFACT_ARGUMENT) + 1])


def _image(deployment: Manifest) -> str:
    return str(_container(deployment, "containers", TRITON_CONTAINER).get("image", ""))


def _container(deployment: Manifest, where: str, name: str) -> Manifest:
    containers = deployment["spec"]["template"]["spec"].get(where) or ()
    return next((each for each in containers if each["name"] == name), {})
