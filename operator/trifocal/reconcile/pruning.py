"""Which children are no longer wanted: the policy of deletion. Only children owned by uid go.

| child                                   | kept                                              |
|-----------------------------------------|---------------------------------------------------|
| Job, request ConfigMap                  | of the request that the spec asks for; of several |
|                                         | GPU products each may have one                    |
| result ConfigMap                        | that one's while it is the last word on it, and   |
|                                         | the newest `RESULTS_KEPT`                         |
| Deployment, ConfigMap of a revision     | wanted, serving, and the previous one while it    |
|                                         | drains                                            |
| Deployment of the wanted revision for   | those that this pass wants                        |
| one of several GPU products             |                                                   |
| Service, PodDisruptionBudget, policies, | those that this pass wants                        |
| Deployment of placeholders              |                                                   |
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from trifocal.api import names
from trifocal.reconcile.children import (
    is_deleting,
    is_owned,
    name_of,
    product_of,
    request_of,
    revision_of,
)
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.optimizing import Optimization
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.rollout import DRAIN_HOLD, NO_REVISION, Rollout

Child = tuple[str, str]
"""Kind and name, in the ModelDeployment's namespace."""

RESULTS_KEPT = 10
"""Recorded results beside the wanted one, so that going back to an earlier spec repeats no work. As
many as a Deployment keeps old ReplicaSets (revisionHistoryLimit); each is below 4 KiB."""


def superfluous(
    observed: Observed,
    *,
    owner_uid: str,
    optimizations: Sequence[Optimization],
    rollout: Rollout,
    wanted_names: frozenset[Child],
    now: datetime,
) -> tuple[tuple[str, Manifest], ...]:
    """Children to delete, with their kinds; `wanted_names` are those that this pass wants."""
    revisions = _kept_revisions(rollout, now)
    digests = frozenset(each.digest for each in optimizations)
    results = _kept_results(observed.config_maps, optimizations)
    candidates: tuple[tuple[str, Iterable[Manifest]], ...] = (
        ("Job", (j for j in observed.jobs if request_of(j) not in digests)),
        ("Deployment", (d for d in observed.deployments if revision_of(d) not in revisions)),
        ("Deployment", (d for d in observed.deployments if _is_for_a_product(d, rollout.wanted))),
        (
            "ConfigMap",
            (
                c
                for c in observed.config_maps
                if not _is_kept(c, digests=digests, revisions=revisions, results=results)
            ),
        ),
        ("Deployment", observed.headroom),
        ("Service", observed.services),
        ("PodDisruptionBudget", observed.pod_disruption_budgets),
        ("NetworkPolicy", observed.network_policies),
    )
    return tuple(
        (kind, child)
        for kind, children in candidates
        for child in children
        if is_owned(child, owner_uid)
        and not is_deleting(child)
        and (kind, name_of(child)) not in wanted_names
    )


def drain_ends(rollout: Rollout) -> datetime | None:
    """When the previous revision's pods may go; None where there is none."""
    if rollout.previous is None or rollout.switched_at is None:
        return None
    return rollout.switched_at + DRAIN_HOLD


def _kept_revisions(rollout: Rollout, now: datetime) -> frozenset[str]:
    kept = {rollout.selected, NO_REVISION}
    if rollout.wanted is not None:
        kept.add(rollout.wanted.hash)
    if rollout.serving is not None:
        kept.add(rollout.serving.hash)
    ends = drain_ends(rollout)
    if rollout.previous is not None and ends is not None and not _is_drained(rollout, ends, now):
        kept.add(rollout.previous.hash)
    return frozenset(kept)


def _is_for_a_product(deployment: Manifest, wanted: Revision | None) -> bool:
    """Whether it is one of the wanted revision's, of which an edit may have taken the product."""
    is_wanted = wanted is not None and revision_of(deployment) == wanted.hash
    return is_wanted and product_of(deployment) is not None


def _is_drained(rollout: Rollout, ends: datetime, now: datetime) -> bool:
    """The hold is over, and what took the traffic over can carry it."""
    serving = rollout.serving
    carries = serving is not None and (bool(serving.ready) or serving.replicas == 0)
    return now >= ends and carries


def _kept_results(
    config_maps: Iterable[Manifest], optimizations: Sequence[Optimization]
) -> frozenset[str]:
    results = [c for c in config_maps if _is_result(c)]
    of_spec = {each.digest: each.keeps_result for each in optimizations}
    kept_now = {name_of(c) for c in results if of_spec.get(request_of(c) or "", False)}
    results = [c for c in results if request_of(c) not in of_spec]
    newest = sorted(results, key=lambda c: (c["metadata"].get("creationTimestamp", ""), name_of(c)))
    kept = {name_of(c) for c in newest[-RESULTS_KEPT:]}
    return frozenset(kept | kept_now)


def _is_result(config_map: Manifest) -> bool:
    digest = request_of(config_map)
    name = config_map["metadata"]["labels"].get(names.NAME_LABEL, "")
    return digest is not None and name_of(config_map) == names.optimization_result(name, digest)


def _is_kept(
    config_map: Manifest,
    *,
    digests: frozenset[str],
    revisions: frozenset[str],
    results: frozenset[str],
) -> bool:
    revision = revision_of(config_map)
    if revision is not None:
        return revision in revisions
    if _is_result(config_map):
        return name_of(config_map) in results
    return request_of(config_map) in digests
