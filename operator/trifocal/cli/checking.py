"""Whether a cluster is fit for Trifocal and Trifocal for it: one line for each check. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from trifocal import __version__
from trifocal.api.crd import crd
from trifocal.api.schema import GROUP, PLURAL, VERSION
from trifocal.cli.durations import said
from trifocal.cli.in_force import configured
from trifocal.cli.user_cluster import Right
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import has_condition, instant, name_of, replicas_of
from trifocal.triton.images import resolve_image

OLDEST = (1, 30)
"""The oldest Kubernetes that the chart installs on (`kubeVersion` in Chart.yaml)."""
LEASE_GRACE = timedelta(seconds=60)
"""A lease that was not renewed for so long is nobody's: the operator renews it every few seconds,
and clocks of machines differ."""
_PRODUCT_LABEL = "nvidia.com/gpu.product"
_MAX_FIELDS = 3
"""Fields by which two CRDs differ that are named."""


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line."""

    name: str
    verdict: Verdict
    found: str
    to_do: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was read. None means that the caller may not read it."""

    version: Mapping[str, Any]
    """`/version`."""
    crd: Manifest | None
    """None where there is none: anybody with discovery may ask for its absence."""
    crd_readable: bool
    rights: Mapping[Right, bool]
    nodes: tuple[Manifest, ...] | None
    operators: tuple[Manifest, ...] | None
    lease: Manifest | None
    """Of the operators' leader."""


def before_installation(facts: Facts) -> tuple[Check, ...]:
    """Whether Trifocal can be installed."""
    return (_version(facts), *_left_over(facts), _rights(facts), _gpus(facts))


def after_installation(facts: Facts, now: datetime) -> tuple[Check, ...]:
    """Whether Trifocal works here, for the caller."""
    return (
        _version(facts),
        _crd(facts),
        _rights(facts),
        *_operator(facts, now),
        _gpus(facts),
    )


def rights_to_use(namespace: str) -> tuple[Right, ...]:
    """What the commands of this program need, beside patching Deployments for a restart."""
    read = ("get", "list")
    mine = [Right(verb=v, group=GROUP, resource=PLURAL, namespace=namespace) for v in read]
    mine.append(Right(verb="patch", group=GROUP, resource=PLURAL, namespace=namespace))
    children = (("", "pods"), ("", "events"), ("", "configmaps"), ("", "services"))
    workloads = (("apps", "deployments"), ("apps", "replicasets"), ("batch", "jobs"))
    guards = (("policy", "poddisruptionbudgets"), ("networking.k8s.io", "networkpolicies"))
    return (
        *mine,
        *(
            Right(verb="list", group=group, resource=resource, namespace=namespace)
            for group, resource in (*children, *workloads, *guards)
        ),
    )


def rights_to_install(namespace: str) -> tuple[Right, ...]:
    """What `helm install` of the chart writes first; the whole list is in its templates."""
    return (
        Right(verb="create", group="apiextensions.k8s.io", resource="customresourcedefinitions"),
        Right(verb="create", group="rbac.authorization.k8s.io", resource="clusterroles"),
        Right(verb="create", group="rbac.authorization.k8s.io", resource="clusterrolebindings"),
        Right(verb="create", group="apps", resource="deployments", namespace=namespace),
        Right(verb="create", resource="secrets", namespace=namespace),
    )


def _version(facts: Facts) -> Check:
    found = str(facts.version.get("gitVersion", ""))
    match = re.match(r"v?(\d+)\.(\d+)", found)
    oldest = ".".join(map(str, OLDEST))
    if match is not None and (int(match[1]), int(match[2])) >= OLDEST:
        return Check(name="Kubernetes", verdict=Verdict.OK, found=f"{found}, {oldest} or newer")
    return Check(
        name="Kubernetes",
        verdict=Verdict.FAIL,
        found=f"{found or 'of unknown version'}",
        to_do=f"Trifocal needs {oldest} or newer; upgrade the cluster.",
    )


def _left_over(facts: Facts) -> Iterator[Check]:
    if facts.crd is not None:
        yield Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{name_of(facts.crd)} is there already",
            to_do="Another installation has it, or has left it: `helm install` takes it over if "
            "its release has the same name and namespace, or with --take-ownership.",
        )


def _crd(facts: Facts) -> Check:
    if not facts.crd_readable:
        return Check(name="CRD", verdict=Verdict.WARN, found="you may not read it")
    if facts.crd is None:
        return Check(
            name="CRD",
            verdict=Verdict.FAIL,
            found="there is none",
            to_do="Install the chart, or `trifocal crd | kubectl apply --server-side -f -`.",
        )
    if not has_condition(facts.crd, "Established"):
        return Check(
            name="CRD",
            verdict=Verdict.FAIL,
            found="it is not established",
            to_do=f"See `kubectl describe crd {name_of(facts.crd)}`.",
        )
    return _schema(facts.crd)


def _schema(live: Manifest) -> Check:
    """Whether the fields are those of this release."""
    ours, theirs = _fields_of(crd()), _fields_of(live)
    missing, more = sorted(ours - theirs), sorted(theirs - ours)
    if missing:
        return Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{VERSION} of an older release: it lacks {_some(missing)}",
            to_do="Upgrade the chart; with crds.install=false, `trifocal crd | kubectl apply "
            "--server-side -f -`.",
        )
    if more:
        return Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{VERSION} of a newer release: it has {_some(more)}",
            to_do=f"This program is {__version__}; use the operator's release.",
        )
    return Check(
        name="CRD", verdict=Verdict.OK, found=f"{VERSION}, with the fields of this release"
    )


def _some(fields: list[str]) -> str:
    rest = f" and {len(fields) - _MAX_FIELDS} more" if len(fields) > _MAX_FIELDS else ""
    return ", ".join(fields[:_MAX_FIELDS]) + rest


def _fields_of(definition: Mapping[str, Any]) -> set[str]:
    versions = {v["name"]: v for v in definition["spec"]["versions"] if v.get("served", True)}
    if VERSION not in versions:
        return set()
    schema = versions[VERSION]["schema"]["openAPIV3Schema"]
    return set(_fields(schema, "")) - {"apiVersion", "kind"}


def _fields(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    """Paths of all fields; an item of a list has its list's path and []."""
    if "items" in schema:
        yield from _fields(schema["items"], f"{at}[]")
    for name, inner in (schema.get("properties") or {}).items():
        path = f"{at}.{name}" if at else str(name)
        yield path
        yield from _fields(inner, path)


def _rights(facts: Facts) -> Check:
    lacking = [str(right) for right, has in facts.rights.items() if not has]
    if not lacking:
        return Check(name="your rights", verdict=Verdict.OK, found=f"all {len(facts.rights)}")
    return Check(
        name="your rights",
        verdict=Verdict.FAIL,
        found=f"you may not: {'; '.join(lacking)}",
        to_do="Ask for them; the roles view and edit include what using a model needs.",
    )


def _operator(facts: Facts, now: datetime) -> Iterator[Check]:
    if facts.operators is None:
        yield Check(name="operator", verdict=Verdict.WARN, found="you may not list Deployments")
        return
    if len(facts.operators) != 1:
        yield Check(
            name="operator",
            verdict=Verdict.FAIL,
            found=f"{len(facts.operators)} Deployments of an operator",
            to_do="Install the chart once: two operators fight."
            if facts.operators
            else "Install the chart.",
        )
        return
    deployment = facts.operators[0]
    yield _deployment(deployment)
    yield _release(deployment)
    yield _leader(deployment, facts.lease, now)
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


def _gpus(facts: Facts) -> Check:
    if facts.nodes is None:
        return Check(name="GPUs", verdict=Verdict.WARN, found="you may not list nodes")
    counts = Counter[str]()
    for node in facts.nodes:
        counts.update(dict(_devices(node)))
    if not counts:
        return Check(
            name="GPUs",
            verdict=Verdict.WARN,
            found=f"none on {len(facts.nodes)} nodes",
            to_do="Models without serving.accelerator run on CPUs; for the others install NVIDIA's "
            "GPU operator.",
        )
    found = ", ".join(f"{count} {product}" for product, count in sorted(counts.items()))
    if _UNNAMED in counts:
        return Check(
            name="GPUs",
            verdict=Verdict.WARN,
            found=found,
            to_do="Install GPU feature discovery: serving.accelerator.product is looked up by its "
            "node label.",
        )
    return Check(name="GPUs", verdict=Verdict.OK, found=found)


_UNNAMED = "nvidia.com/gpu of unknown product"


def _devices(node: Manifest) -> Iterable[tuple[str, int]]:
    labels = node["metadata"].get("labels") or {}
    count = int(node.get("status", {}).get("allocatable", {}).get("nvidia.com/gpu", 0))
    if count > 0:
        yield str(labels.get(_PRODUCT_LABEL, _UNNAMED)), count
