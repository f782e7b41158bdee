"""The children that the operator would make of a manifest, without any cluster. Pure.

They come from the operator's own phases: first over nothing, and then over a stand-in for what the
optimization will find. A revision's hash and its artifact are known only then.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import SOURCE, OptimizationResult, Tensor
from trifocal.reconcile.assessment import assess
from trifocal.reconcile.children import name_of, request_of
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.wanted import Phases
from trifocal.resources.optimization_job import build_request
from trifocal.resources.products import optimized_for
from trifocal.settings import Settings

UNKNOWN_ARTIFACT = f"sha256:{'0' * 64}"
"""Stands for the digest that the optimization will give."""
_ANY_BATCH = -1


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Manifests without owner references, which need the object's uid."""

    at_once: tuple[Manifest, ...]
    """Made when the operator sees the object."""
    when_optimized: tuple[Manifest, ...]
    """Made when the optimization is done, under another hash and artifact."""


def rendered(md: ModelDeployment, settings: Settings, now: datetime) -> Rendered:
    """Every child of a new object.

    Args:
        md: The object; its uid does not matter.
        settings: The operator's. An image that the spec needs has to be set.
        now: The present time.
    """
    requests = {build_request(each, settings).digest() for _, each in optimized_for(md)}
    first = tuple(_wanted(md, Observed(), settings, now))
    made = {(each["kind"], name_of(each)) for each in first}
    found = Observed(results={request: _stand_in(md, request) for request in requests})
    later = (
        each
        for each in _wanted(md, found, settings, now)
        if (each["kind"], name_of(each)) not in made and request_of(each) not in requests
    )
    return Rendered(at_once=first, when_optimized=tuple(later))


def _wanted(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> Iterator[Manifest]:
    phases = Phases(md, observed, settings, assess(md, observed, settings, now), now)
    for manifest in phases.wanted():
        kept = {k: v for k, v in manifest["metadata"].items() if k != "ownerReferences"}
        yield {**manifest, "metadata": kept}


def _stand_in(md: ModelDeployment, request: str) -> OptimizationResult:
    """A result whose model takes the declared input; its output is a guess at its shape."""
    (declared,) = md.spec.model.inputs
    output = md.spec.model.output or "output"
    scores = (_ANY_BATCH, len(md.spec.model.labels))
    return OptimizationResult(
        request=request,
        artifact=UNKNOWN_ARTIFACT,
        chosen=SOURCE,
        inputs=(Tensor(name=declared.name, dtype="float32", shape=(_ANY_BATCH, *declared.shape)),),
        outputs=(Tensor(name=output, dtype="float32", shape=scores),),
    )
