"""A ModelDeployment with Trifocal's choices written out. Pure.

A choice is pinned only if pinning it changes nothing: the optimization request and the revision,
computed by the operator's own functions with and without it, must be the same. What would change
one of them is left open and told.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trifocal.api import names
from trifocal.api.gate import METRICS
from trifocal.api.manifest import InvalidSpec, parse
from trifocal.api.schema import API_VERSION, KIND
from trifocal.api.techniques import Pruning
from trifocal.cli.digests import short
from trifocal.cli.seen import Seen
from trifocal.cli.written import Path, changed, commented
from trifocal.reconcile.assessment import assess
from trifocal.settings import Settings

_OF_TOOLS = (
    "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "argocd.argoproj.io/",
    "meta.helm.sh/",
)
"""Prefixes of labels and annotations that a tool wrote when it applied the user's manifest."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One choice, as the spec would say it."""

    path: Path
    """Below spec."""
    values: tuple[Any, ...]
    """Ways to write it, the simplest first."""
    origin: str
    """Where it came from, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What must not change."""

    request: str
    """Digest of the optimization request."""
    revision: str | None
    """Whole hash of the wanted revision; None while there is no artifact."""


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """The manifest, and what became of each choice."""

    manifest: Mapping[str, Any]
    pinned: tuple[Pin, ...]
    left_open: tuple[str, ...]
    """What would start another optimization or other pods, as phrases."""
    basis: Basis


def freeze(seen: Seen, settings: Settings, now: datetime) -> Frozen:
    """Pin what can be pinned.

    Args:
        seen: An object whose spec is valid.
        settings: The operator's, proved by `in_force.is_reproduced`.
        now: The present time.
    """
    body: Mapping[str, Any] = _clean(seen.body)
    basis = _basis(_identified(body, seen), seen, settings, now)
    pinned, left_open = [], []
    for pin in _pins(seen):
        ways = (changed(body, ("spec", *pin.path), value) for value in pin.values)
        kept = next(
            (w for w in ways if _keeps(basis, _identified(w, seen), seen, settings, now)), None
        )
        if kept is None:
            left_open.append(f"spec.{'.'.join(pin.path)}: {pin.values[0]} ({pin.origin})")
        else:
            body = kept
            pinned.append(pin)
    winner = seen.optimization.get("chosen")
    if winner:
        left_open.append(f"the winner, {winner}, as the only candidate")
    return Frozen(manifest=body, pinned=tuple(pinned), left_open=tuple(left_open), basis=basis)


def as_yaml(frozen: Frozen, now: datetime) -> str:
    """The manifest with a comment above each choice, and a header."""
    comments = {("spec", *pin.path): [pin.origin] for pin in frozen.pinned}
    header = "".join(f"# {line}\n" for line in _header(frozen, now))
    return header + commented(frozen.manifest, comments)


def _header(frozen: Frozen, now: datetime) -> Iterator[str]:
    metadata = frozen.manifest["metadata"]
    where = f"{metadata['name']} in namespace {metadata['namespace']}"
    yield f"{where}, frozen at {now.isoformat(timespec='seconds')}."
    yield "What Trifocal chose has a comment; the rest is yours, or a default of the API that is"
    yield "written into every object."
    revision = frozen.basis.revision
    served = f" and revision {revision[: names.HASH_LENGTH]}" if revision else ""
    request = short(frozen.basis.request)
    yield f"Applying it changes nothing: request {request}{served} stay."
    if frozen.left_open:
        yield "Left open, because to pin it would start another optimization or other pods:"
    for phrase in frozen.left_open:
        yield f"- {phrase}"


def _pins(seen: Seen) -> Iterator[Pin]:
    """Every choice of today that the spec has a field for and does not name."""
    if seen.md is None:
        return
    stored, spec = seen.body["spec"]["optimization"], seen.md.spec.optimization
    status = seen.body.get("status") or {}
    if "precisions" not in stored:
        told = _outcome(status.get("optimization") or {})
        yield Pin(
            path=("optimization", "precisions"),
            values=(list(spec.precisions),),
            origin=f"Trifocal's default: every way that the data allow. {told}",
        )
    if "pruning" not in stored:
        yield Pin(
            path=("optimization", "pruning"),
            values=([_written(pruning) for pruning in spec.pruning],),
            origin="Trifocal's default: none without training data, else by 30 and 50 %.",
        )
    if spec.gate.accuracy.metric is None:
        task = seen.md.spec.model.task
        yield Pin(
            path=("optimization", "gate", "accuracy", "metric"),
            values=(METRICS[task][0],),
            origin=f"the default for {task}",
        )
    image = (status.get("revision") or {}).get("tritonImage")
    if image is not None and seen.md.spec.serving.triton is None:
        yield Pin(
            path=("serving", "triton"),
            values=({"image": image}, {"image": image, "backend": "python"}),
            origin="The operator's default (triton.* in its chart).",
        )


def _written(pruning: Pruning) -> dict[str, Any]:
    return pruning.model_dump(mode="json", by_alias=True, exclude_none=True)


def _outcome(optimization: Mapping[str, Any]) -> str:
    if not optimization.get("chosen"):
        return "Nothing has been chosen yet."
    listed = len(optimization.get("candidates") or ())
    tried = listed + int(optimization.get("candidatesOmitted") or 0)
    artifact = short(str(optimization["artifact"]))
    return f"{optimization['chosen']} was chosen of {tried} candidates (artifact {artifact})."


def _clean(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a user writes: no status, and of the metadata what is the user's."""
    metadata = {key: body["metadata"][key] for key in ("name", "namespace")}
    for key in ("labels", "annotations"):
        found = body["metadata"].get(key) or {}
        if own := {k: v for k, v in found.items() if not k.startswith(_OF_TOOLS)}:
            metadata[key] = own
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": copy.deepcopy(body["spec"]),
    }


def _identified(manifest: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
    """The manifest as the API server would store it over the object."""
    kept = {key: seen.body["metadata"][key] for key in ("uid", "generation")}
    metadata = {**manifest["metadata"], **kept}
    return {**manifest, "metadata": metadata, "status": seen.body.get("status") or {}}


def _basis(body: Mapping[str, Any], seen: Seen, settings: Settings, now: datetime) -> Basis:
    found = assess(parse(body), seen.observed, settings, now)
    return Basis(request=found.optimization.digest, revision=found.revision_hash)


def _keeps(
    basis: Basis, body: Mapping[str, Any], seen: Seen, settings: Settings, now: datetime
) -> bool:
    try:
        return _basis(body, seen, settings, now) == basis
    except InvalidSpec:
        return False
