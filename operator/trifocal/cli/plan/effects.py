"""Which fields of two specs differ, and what each difference alone would cause. Pure.

The effect of a field is not listed anywhere: the field alone is changed, and the operator's own
functions say whether that gives another optimization request, other pods, or another number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trifocal.api.manifest import InvalidSpec, parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.cli.written import Path, changed, without
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.assessment import Assessment, assess
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Stage, means_hash, store_hash
from trifocal.resources.revision import revision_hash
from trifocal.settings import Settings

_NO_ARTIFACT_YET = OptimizationResult(request=f"sha256:{'0' * 64}", artifact=f"sha256:{'0' * 64}")
"""Stands for whatever will be found: only whether two revisions differ is asked."""


class Effect(StrEnum):
    """What a change of one field alone causes, the dearest first."""

    OPTIMIZATION = "another optimization"
    PUBLICATION = "the optimization again, to publish it there"
    JOB = "the Job under way starts again"
    REVISION = "new pods"
    PODS = "another number of pods"
    HEADROOM = "other places kept free"
    NOTHING = "no work now"
    WITH_OTHERS = "valid only together with the others"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that differs."""

    path: Path
    """Below spec; a list is one field."""
    before: Any
    """None where it is not there."""
    after: Any
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What effects are judged on."""

    observed: Observed
    settings: Settings
    now: datetime

    def assess(self, md: ModelDeployment) -> Assessment:
        """The operator's assessment of that spec over these children."""
        return assess(md, self.observed, self.settings, self.now)


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], ground: Ground
) -> tuple[Change, ...]:
    """Every field of the spec that differs between two bodies, with its effect."""
    found = differences(before["spec"], after["spec"])
    return tuple(
        Change(path=path, before=old, after=new, effect=_effect_of(before, path, new, ground))
        for path, old, new in found
    )


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], at: Path = ()
) -> Iterator[tuple[Path, Any, Any]]:
    """(path, old, new) of the fields that differ; lists are compared whole."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, (*at, key))
        else:
            yield (*at, key), old, new


def _effect_of(body: Mapping[str, Any], path: Path, new: Any, ground: Ground) -> Effect:
    whole = ("spec", *path)
    tried = without(body, whole) if new is None else changed(body, whole, new)
    try:
        return effect(parse(body), parse(tried), ground)
    except InvalidSpec:
        return Effect.WITH_OTHERS


def effect(before: ModelDeployment, after: ModelDeployment, ground: Ground) -> Effect:
    """What going from one spec to the other causes."""
    old, new = ground.assess(before), ground.assess(after)
    if new.optimization.digest != old.optimization.digest:
        return Effect.OPTIMIZATION
    if store_hash(after) != store_hash(before):
        return Effect.PUBLICATION
    is_done = old.optimization.stage in {Stage.DONE, Stage.HELD}
    if not is_done and means_hash(after) != means_hash(before):
        return Effect.JOB
    if _revision(after, new, ground) != _revision(before, old, ground):
        return Effect.REVISION
    if new.desired != old.desired:
        return Effect.PODS
    keeps_others = after.spec.serving.headroom != before.spec.serving.headroom
    return Effect.HEADROOM if keeps_others else Effect.NOTHING


def _revision(md: ModelDeployment, found: Assessment, ground: Ground) -> str:
    result = found.optimization.artifact or _NO_ARTIFACT_YET
    return revision_hash(md, result, found.image, ground.settings)
