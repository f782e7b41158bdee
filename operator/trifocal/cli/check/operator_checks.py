"""The checks of the operator: its Deployment, release, leader, and default Triton. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trifocal import __version__
from trifocal.cli.check.checks import Check, Verdict
from trifocal.cli.durations import said
from trifocal.cli.in_force import configured
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import has_condition, instant, name_of, replicas_of
from trifocal.triton.images import resolve_image

LEASE_GRACE = timedelta(seconds=60)
"""A lease that was not renewed for so long is nobody's: the operator renews it every few seconds,
and clocks of machines differ."""


def operator_checks(
    operators: tuple[Manifest, ...] | None, lease: Manifest | None, now: datetime
) -> Iterator[Check]:
    """What the operator's Deployment and its leader's lease tell; None: they may not be listed."""
    if operators is None:
        yield Check(name="operator", verdict=Verdict.WARN, found="you may not list Deployments")
        return
    if len(operators) != 1:
        yield Check(
            name="operator",
            verdict=Verdict.FAIL,
            found=f"{len(operators)} Deployments of an operator",
            to_do="Install the chart once: two operators fight."
            if operators
            else "Install the chart.",
        )
        return
    deployment = operators[0]
    yield _deployment(deployment)
    yield _release(deployment)
    yield _leader(deployment, lease, now)
    yield _triton(deployment)


def _deployment(deployment: Manifest) -> Check:
    where = f"{deployment['metadata']['namespace']}/{name_of(deployment)}"
    ready = int(deployment.get("status", {}).get("availableReplicas", 0))
    counted = f"{where}: {ready} of {replicas_of(deployment)} pods available"
    if has_condition(deployment, "Available") and ready > 0:
        return Check(name="operator", verdict=Verdict.OK, found=counted)
    namespace = deployment["metadata"]["namespace"]
    return Check(
        name="operator",
        verdict=Verdict.FAIL,
        found=counted,
        to_do=f"See `kubectl -n {namespace} describe deployment {name_of(deployment)}`.",
    )


def _release(deployment: Manifest) -> Check:
    labels = deployment["metadata"].get("labels") or {}
    found = labels.get("app.kubernetes.io/version", "unknown")
    if found == __version__:
        return Check(name="release", verdict=Verdict.OK, found=f"{found}, as this program")
    return Check(
        name="release",
        verdict=Verdict.WARN,
        found=f"the operator is {found}, this program {__version__}",
        to_do="Use the operator's release: plan and freeze compute what it would.",
    )


def _leader(deployment: Manifest, lease: Manifest | None, now: datetime) -> Check:
    spec = (lease or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if holder and renewed and now - instant(renewed) < LEASE_GRACE:
        return Check(name="leader", verdict=Verdict.OK, found=str(holder))
    age = f"; the lease was renewed {said(now - instant(renewed))} ago" if renewed else ""
    namespace = deployment["metadata"]["namespace"]
    return Check(
        name="leader",
        verdict=Verdict.WARN,
        found=f"none is seen{age}",
        to_do=f"See `kubectl -n {namespace} logs deployment/{name_of(deployment)}`.",
    )


def _triton(deployment: Manifest) -> Check:
    image = resolve_image(None, configured(deployment))
    if image.release is not None:
        return Check(name="Triton", verdict=Verdict.OK, found=f"{image.reference} by default")
    return Check(
        name="Triton",
        verdict=Verdict.OK,
        found=f"{image.reference} by default, of a release that its name does not tell: only what "
        "every release knows is used",
    )
