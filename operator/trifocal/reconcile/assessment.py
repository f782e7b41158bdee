"""Where one ModelDeployment stands: every policy's answer, once, for plan and status alike."""

from dataclasses import dataclass
from datetime import datetime

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile import optimizing, rollout
from trifocal.reconcile.children import is_owned, named, replicas_of
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Optimization
from trifocal.reconcile.replicas import desired_replicas
from trifocal.reconcile.rollout import Rollout
from trifocal.resources.revision import revision_hash
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage, resolve_image


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What plan and status are made from."""

    optimization: Optimization
    image: TritonImage
    revision_hash: str | None
    """Whole hash of the wanted revision; None while there is no artifact."""
    desired: int
    """Serving pods that are wanted."""
    rollout: Rollout


def assess(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> Assessment:
    """Ask every policy."""
    optimization = optimizing.assess(md, observed, settings, now)
    image = resolve_image(md.spec.serving.triton, settings, md.spec.optimization.served.runtime)
    result = optimization.artifact
    wanted = revision_hash(md, result, image, settings) if result else None
    decided = observed.decision.replicas if observed.decision else None
    live = max((replicas_of(d) for d in observed.deployments), default=None)
    desired = desired_replicas(md, decided=decided, live=live)
    service = named(observed.services, md.metadata.name)
    return Assessment(
        optimization=optimization,
        image=image,
        revision_hash=wanted,
        desired=desired,
        rollout=rollout.assess(
            observed,
            service=service if service and is_owned(service, md.metadata.uid) else None,
            wanted=wanted and wanted[: names.HASH_LENGTH],
            desired=desired,
            now=now,
        ),
    )
