"""Whether a cluster is fit for Trifocal and Trifocal for it: one line for each check. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trifocal.api.schema import GROUP, PLURAL
from trifocal.cli.check.checks import Check, Verdict
from trifocal.cli.check.definition_check import definition, left_over
from trifocal.cli.check.headroom_check import headroom_check
from trifocal.cli.check.operator_checks import operator_checks
from trifocal.cli.in_force import configured
from trifocal.cli.user_cluster import Right
from trifocal.kube.client import Manifest
from trifocal.resources.placement import PRODUCT_NODE_LABEL

OLDEST = (1, 30)
"""The oldest Kubernetes that the chart installs on (`kubeVersion` in Chart.yaml)."""


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
    priority_class: Manifest | None = None
    """Of the placeholders that the operator makes."""
    priority_class_readable: bool = True


def before_installation(facts: Facts) -> tuple[Check, ...]:
    """Whether Trifocal can be installed."""
    return (_version(facts), *left_over(facts.crd), _rights(facts), _gpus(facts))


def after_installation(facts: Facts, now: datetime) -> tuple[Check, ...]:
    """Whether Trifocal works here, for the caller."""
    return (
        _version(facts),
        definition(facts.crd, readable=facts.crd_readable),
        _rights(facts),
        *operator_checks(facts.operators, facts.lease, now),
        *_headroom(facts),
        _gpus(facts),
    )


def placeholders_class(operators: tuple[Manifest, ...]) -> str | None:
    """Name of the PriorityClass of placeholders; None where not one operator says it."""
    return configured(operators[0]).headroom_priority_class if len(operators) == 1 else None


def _headroom(facts: Facts) -> Iterator[Check]:
    wanted = placeholders_class(facts.operators or ())
    if wanted is not None:
        readable = facts.priority_class_readable
        yield headroom_check(wanted, facts.priority_class, readable=readable)


def rights_to_use(namespace: str) -> tuple[Right, ...]:
    """What the commands need, but for `restart` (Deployments) and `benchmark` (port-forward)."""
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
        yield str(labels.get(PRODUCT_NODE_LABEL, _UNNAMED)), count
