"""The children that one pass wants, phase by phase, as manifests. Pure; compares nothing.

Phases are a list and not states: each says what it wants from the same assessment, so a pass may
start anywhere, and a crash between two writes is repaired by the next pass.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile import headroom
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.children import annotation, named, replicas_of
from trifocal.reconcile.drift import annotated
from trifocal.reconcile.engines import ARTIFACT_ANNOTATION
from trifocal.reconcile.kept_images import (
    OPERATOR_IMAGE_ANNOTATION,
    OPTIMIZER_IMAGE_ANNOTATION,
    serving_settings,
)
from trifocal.reconcile.make_room import gives_up_pod, room_note
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.optimizing import (
    MEANS_ANNOTATION,
    STORE_ANNOTATION,
    Optimization,
    Stage,
    means_hash,
    store_hash,
)
from trifocal.reconcile.products import Share
from trifocal.reconcile.revisions import (
    MADE_ROOM_ANNOTATION,
    PROVED_AT_ANNOTATION,
    REFUSED_ANNOTATION,
    Revision,
)
from trifocal.reconcile.rollout import NO_REVISION, PREVIOUS_ANNOTATION, SWITCHED_AT_ANNOTATION
from trifocal.reconcile.served_specs import SERVED_SPECS_ANNOTATION, spec_of, with_switch
from trifocal.reconcile.sizing import serving_sizes
from trifocal.resources import disruption, network, optimization_job, revision, service
from trifocal.resources.headroom import headroom_deployment
from trifocal.resources.products import builds_engines, on_product, optimized_for, products_of
from trifocal.settings import Settings

Wanted = Iterator[Manifest]

_SERVER_ANNOTATIONS = frozenset({"deployment.kubernetes.io/revision"})
"""Written by the Deployment controller; not ours to apply."""


class Phases:
    """One pass's inputs, and the phases over them."""

    def __init__(
        self,
        md: ModelDeployment,
        observed: Observed,
        settings: Settings,
        found: Assessment,
        now: datetime,
    ) -> None:
        self._md = md
        self._observed = observed
        self._settings = settings
        self._found = found
        self._now = now

    def wanted(self) -> tuple[Manifest, ...]:
        """Every child that is wanted, in the order in which it is to be made."""
        phases: tuple[Callable[[], Wanted], ...] = (
            self._access,
            self._optimization,
            self._wanted_revision,
            self._traffic,
            self._headroom,
        )
        return tuple(manifest for phase in phases for manifest in phase())

    def rescaled(self) -> Wanted:
        """The serving revision's Deployments, where the wanted one is another."""
        rollout, now = self._found.rollout, self._now
        if rollout.serving is rollout.wanted:
            return
        giver = gives_up_pod(rollout, now)
        sizes = serving_sizes(self._md, rollout, giver, self._found.desired, self._settings, now)
        for deployment, replicas in sizes:
            if replicas != replicas_of(deployment):
                notes = {MADE_ROOM_ANNOTATION: room_note(rollout)} if deployment is giver else {}
                yield annotated(_with_replicas(deployment, replicas), notes)

    def _access(self) -> Wanted:
        yield network.optimization_network_policy(self._md, self._settings)
        yield network.serving_network_policy(self._md, self._settings)

    def _optimization(self) -> Wanted:
        views = dict(optimized_for(self._md))
        for found in self._found.optimizations:
            yield from self._of_optimization(views[found.product], found)

    def _of_optimization(self, md: ModelDeployment, found: Optimization) -> Wanted:
        if found.stage in {Stage.TO_START, Stage.RUNNING}:
            yield self._with_means(optimization_job.request_config_map(md, found.request))
        if found.stage is Stage.TO_START:
            job = optimization_job.optimization_job(md, found.request, self._settings)
            yield self._with_means(self._with_store(job, found))
        if found.result is not None and found.keeps_result:
            recorded = optimization_job.result_config_map(md, found.digest, found.result)
            yield self._with_store(recorded, found)

    def _with_store(self, manifest: Manifest, found: Optimization) -> Manifest:
        made_by = found.request.optimizer_image
        notes = {STORE_ANNOTATION: store_hash(self._md), OPTIMIZER_IMAGE_ANNOTATION: made_by}
        return annotated(manifest, notes)

    def _with_means(self, manifest: Manifest) -> Manifest:
        return annotated(manifest, {MEANS_ANNOTATION: means_hash(self._md)})

    def _wanted_revision(self) -> Wanted:
        yield from self._of_revision

    @cached_property
    def _of_revision(self) -> tuple[Manifest, ...]:
        """The wanted revision's ConfigMap and Deployments; nothing while there is no artifact.

        Made once: placeholders are shaped after the first Deployment, the cheapest product's.
        """
        found, result = self._found, self._found.optimization.artifact
        target = found.rollout.wanted
        if result is None or target is None or found.revision_hash is None:
            return ()
        files = revision.revision_config_map(self._md, found.revision_hash, result, found.image)
        settings = serving_settings(self._settings, target.deployment)
        notes = {OPERATOR_IMAGE_ANNOTATION: settings.operator_image, **self._notes(target)}
        deployments = (
            self._deployment(
                found.revision_hash, share, found.artifacts.get(share.product, result), settings
            )
            for share in found.division.shares
            if self._is_wanted(share)
        )
        return files, *(annotated(deployment, notes) for deployment in deployments)

    def _deployment(
        self, revision_hash: str, share: Share, result: OptimizationResult, settings: Settings
    ) -> Manifest:
        whole = revision.revision_deployment(
            self._md, revision_hash, result, self._found.image, settings, share.replicas
        )
        made = on_product(whole, share.product, share.replicas)
        if not builds_engines(self._md):
            return made
        return annotated(made, {ARTIFACT_ANNOTATION: result.artifact or ""})

    def _is_wanted(self, share: Share) -> bool:
        """A product that the spec names no more goes once none of its pods is needed."""
        return share.replicas > 0 or share.product in products_of(self._md)

    def _notes(self, target: Revision) -> dict[str, str]:
        """What a revision's Deployments remember: that it was proved, or refused."""
        rollout = self._found.rollout
        if rollout.refused is not None:
            told = {"reason": rollout.refused.reason, "message": rollout.refused.message}
            return {REFUSED_ANNOTATION: json.dumps(told)}
        if rollout.selected != target.hash:
            return {}
        since = min(target.notes(PROVED_AT_ANNOTATION), default=_written(self._now))
        return {PROVED_AT_ANNOTATION: since}

    def _traffic(self) -> Wanted:
        rollout = self._found.rollout
        live = named(self._observed.services, self._md.metadata.name)
        serving = rollout.serving.hash if rollout.serving else NO_REVISION
        wanted = service.service(self._md, rollout.selected)
        if rollout.selected != serving:
            notes = {SWITCHED_AT_ANNOTATION: _written(self._now), PREVIOUS_ANNOTATION: serving}
            yield annotated(wanted, notes | self._specs_after_switch(live))
        else:
            kept = (SWITCHED_AT_ANNOTATION, PREVIOUS_ANNOTATION, SERVED_SPECS_ANNOTATION)
            noted = {key: annotation(live, key) if live else None for key in kept}
            yield annotated(wanted, {key: text for key, text in noted.items() if text})
        yield disruption.pod_disruption_budget(self._md)

    def _specs_after_switch(self, live: Manifest | None) -> dict[str, str]:
        """What `rollout undo` can go back to from then on."""
        rollout = self._found.rollout
        is_forward = rollout.wanted is not None and rollout.selected == rollout.wanted.hash
        text = annotation(live, SERVED_SPECS_ANNOTATION) if live else None
        spec = spec_of(self._md) if is_forward else None
        specs = with_switch(text, rollout.selected, spec)
        return {} if specs is None else {SERVED_SPECS_ANNOTATION: specs}

    def _headroom(self) -> Wanted:
        if not headroom.is_kept(self._md):
            return
        wanted = next((m for m in self._of_revision if m["kind"] == "Deployment"), None)
        serving = headroom.shaped_after(self._found.rollout, wanted)
        if serving is not None:
            places = headroom.places(self._md, self._found.desired, self._now)
            yield headroom_deployment(self._md, serving, places, self._settings)


def _with_replicas(live: Manifest, replicas: int) -> Manifest:
    """The whole live Deployment with another number of pods.

    The spec that it was built from is gone, and an apply drops what it does not name: so it names
    everything that is there.
    """
    meta = live["metadata"]
    kept: dict[str, Any] = {
        key: meta[key] for key in ("name", "namespace", "labels", "ownerReferences") if key in meta
    }
    kept["annotations"] = {
        key: value
        for key, value in meta.get("annotations", {}).items()
        if key not in _SERVER_ANNOTATIONS
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": kept,
        "spec": {**live["spec"], "replicas": replicas},
    }


def _written(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
