"""Where one ModelDeployment stands: every policy's answer, once, for plan and status alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile import engines, resting, rollout
from trifocal.reconcile.children import is_owned, named, replicas_of
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Optimization
from trifocal.reconcile.products import Division
from trifocal.reconcile.replicas import decision_on, desired_replicas
from trifocal.reconcile.rollout import Rollout
from trifocal.reconcile.sizing import wanted_division, wanted_size
from trifocal.resources.products import Product, products_of
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage, resolve_image


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What plan and status are made from."""

    optimizations: tuple[Optimization, ...]
    """One; or one for each GPU product that needs an engine of its own, the cheapest first."""
    image: TritonImage
    revision_hash: str | None
    """Whole hash of the wanted revision; None while there is no artifact."""
    decision: ScaleDecision | None
    """The scaler's, with what the rollout makes of it."""
    desired: int
    """Serving pods that are wanted."""
    rollout: Rollout
    wanted_pods: int
    """Pods that the wanted revision is to have: one for its proof, where `desired` is none."""
    division: Division
    """Those, less all where the revision was refused, by GPU product."""
    artifacts: Mapping[Product, OptimizationResult]
    """What the wanted revision's pods serve, by GPU product; one without it gets no pods."""

    @property
    def optimization(self) -> Optimization:
        """The one that status and conditions speak of."""
        return engines.leading(self.optimizations)


def assess(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> Assessment:
    """Ask every policy."""
    optimizations = engines.assess(md, observed, settings, now)
    image = resolve_image(md.spec.serving.triton, settings, md.spec.optimization.served.runtime)
    result = engines.leading(optimizations).artifact
    wanted = engines.wanted_hash(md, result, image, settings) if result else None
    found = named(observed.services, md.metadata.name)
    service = found if found and is_owned(found, md.metadata.uid) else None
    decision = resting.kept_awake(
        md,
        decision_on(md, observed.decision),
        switched_at=rollout.switched_at(service, now),
        now=now,
    )
    desired = desired_replicas(
        md,
        decided=decision.replicas if decision else None,
        live=max((replicas_of(d) for d in observed.deployments), default=None),
    )
    rolled = rollout.assess(
        observed,
        service=service,
        wanted=wanted and wanted[: names.HASH_LENGTH],
        desired=desired,
        now=now,
    )
    wanted_pods = resting.wanted_pods(md, rolled, desired)
    artifacts = engines.available(md, optimizations, rolled.wanted)
    return Assessment(
        optimizations=optimizations,
        artifacts=artifacts,
        image=image,
        revision_hash=wanted,
        decision=decision,
        desired=desired,
        rollout=rolled,
        wanted_pods=wanted_pods,
        division=wanted_division(
            md,
            rolled,
            tuple(product for product in products_of(md) if product in artifacts),
            wanted_size(rolled, wanted_pods),
            settings,
            now,
        ),
    )
