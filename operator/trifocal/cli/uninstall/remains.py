"""What `helm uninstall` leaves behind, and what goes with it. Pure.

Helm keeps the CustomResourceDefinition, and with it every ModelDeployment (values crds.keep). To
delete the definition deletes them all, in every namespace, and the garbage collector then deletes
their children. Artifacts in stores and claims stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from trifocal.cli.status_tree import Chain
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import name_of

_RELEASE = "meta.helm.sh/release-name"
MAX_LISTED = 20
"""ModelDeployments that are named; a longer list is not read before it is confirmed."""


@dataclass(frozen=True, kw_only=True)
class Remains:
    """What is still there."""

    definition: Manifest | None
    """The CustomResourceDefinition."""
    models: tuple[Manifest, ...]
    operators: tuple[Manifest, ...]
    """Deployments of operators: they have to go first."""


def listing(remains: Remains) -> Iterator[str]:
    """What would be deleted, a line each."""
    if remains.definition is not None:
        yield f"CustomResourceDefinition {name_of(remains.definition)}"
    for model in remains.models[:MAX_LISTED]:
        yield f"ModelDeployment {_address(model)}{_serves(model)}"
    if (rest := len(remains.models) - MAX_LISTED) > 0:
        serving = sum(bool(_serves(model)) for model in remains.models[MAX_LISTED:])
        yield f"and {rest} more, of which {serving} serve"
    if remains.models:
        yield "with all their Deployments, Services, Jobs and ConfigMaps; stored artifacts stay"


def first_steps(remains: Remains) -> tuple[str, ...]:
    """Commands that have to come before; empty where nothing is in the way."""
    return tuple(_removal(operator) for operator in remains.operators)


def _removal(operator: Manifest) -> str:
    namespace = operator["metadata"]["namespace"]
    release = (operator["metadata"].get("annotations") or {}).get(_RELEASE)
    if release is not None:
        return f"helm uninstall {release} --namespace {namespace}"
    return f"kubectl delete deployment {name_of(operator)} --namespace {namespace}"


def _address(model: Manifest) -> str:
    return f"{model['metadata']['namespace']}/{name_of(model)}"


def _serves(model: Manifest) -> str:
    revision = (Chain(body=model).status.get("revision") or {}).get("serving")
    return f", which serves revision {revision}" if revision else ""
