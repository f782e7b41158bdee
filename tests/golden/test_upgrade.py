"""From each released version to today's code with new images: what serves goes on serving.

The stored objects of a release (see `release`) are given to today's parse, plan and status, as
the new operator sees them in its first pass.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hack.cluster.paths import REPOSITORY
from tests.golden.release import VERSIONS, Manifest, released
from tests.golden.render import SETTINGS
from tests.support.kstatus import KStatus, compute
from tests.support.world import START
from trifocal.api import names
from trifocal.api.manifest import parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.plan import Plan, plan
from trifocal.reconcile.status import status

NEXT = SETTINGS.model_copy(
    update={
        field: f"registry.example.com/{field}:next"
        for field in (
            *("operator_image", "optimizer_image"),
            *("optimizer_extended_image", "optimizer_tensorrt_image"),
        )
    }
)
LATER = START + timedelta(days=30)
RESTARTS = "All serving pods are started again"
"""What the release notes have to say where it cannot be avoided."""
LIVES = [(version, name) for version in VERSIONS for name in released(version)]


def observed(children: list[Manifest]) -> Observed:
    """What the watches of a new operator show; every pod is ready."""
    kinds: dict[str, tuple[Manifest, ...]] = {}
    for child in children:
        kinds[child["kind"]] = (*kinds.get(child["kind"], ()), child)
    recorded = (c["data"].get("result.json") for c in kinds["ConfigMap"])
    results = [OptimizationResult.model_validate_json(text) for text in recorded if text]
    return Observed(
        jobs=kinds["Job"],
        config_maps=kinds["ConfigMap"],
        deployments=kinds["Deployment"],
        pods=tuple(pod for each in kinds["Deployment"] for pod in pods(each)),
        services=kinds["Service"],
        pod_disruption_budgets=kinds["PodDisruptionBudget"],
        network_policies=kinds["NetworkPolicy"],
        results={result.request: result for result in results},
    )


def pods(deployment: Manifest) -> Iterator[Manifest]:
    """As the Deployment and the kubelet make them."""
    template = deployment["spec"]["template"]
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": START.isoformat()}
    for number in range(deployment["spec"]["replicas"]):
        name = f"{deployment['metadata']['name']}-{number}"
        owners = [{"uid": deployment["metadata"]["uid"], "controller": True}]
        own = {"name": name, "uid": name, "ownerReferences": owners}
        yield {
            "kind": "Pod",
            "metadata": {
                **template["metadata"],
                **own,
                "creationTimestamp": START.isoformat(),
            },
            "spec": {**template["spec"], "nodeName": "node-1"},
            "status": {"phase": "Running", "podIP": "10.1.0.1", "conditions": [ready]},
        }


def upgraded(version: str, name: str) -> tuple[Manifest, ModelDeployment, Observed, Plan]:
    """The object, and what the first pass after the upgrade plans for it."""
    body, *children = released(version)[name]
    md, seen = parse(body), observed(children)
    return body, md, seen, plan(md, seen, NEXT, LATER)


def replaced_pods(seen: Observed, made: Plan) -> list[str]:
    """Names of Deployments whose pods would be other ones."""
    live = {d["metadata"]["name"]: d["spec"]["template"] for d in seen.deployments}
    applied = (m for m in made.apply if m["kind"] == "Deployment")
    return [
        str(m["metadata"]["name"])
        for m in applied
        if m["spec"]["template"] != live.get(m["metadata"]["name"])
    ]


def release_notes() -> str:
    """What the next release says."""
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    return text.partition("## [Unreleased]")[2].partition("\n## [")[0]


def test_an_upgrade_from_the_last_release_starts_no_pod_again() -> None:
    for name in released(VERSIONS[-1]):
        _, _, seen, made = upgraded(VERSIONS[-1], name)
        assert replaced_pods(seen, made) == [] or RESTARTS in release_notes(), (
            f"Upgrading from {VERSIONS[-1]} would start the pods of {name} again, on every "
            "cluster and for each model. Keep what the pods are made from, or, if that cannot be, "
            f"write into the CHANGELOG under [Unreleased]: '{RESTARTS}', and why."
        )


def test_pods_that_would_be_others_are_noticed() -> None:
    for name in released(VERSIONS[-1]):
        _, md, seen, _ = upgraded(VERSIONS[-1], name)
        other = NEXT.model_copy(update={"image_pull_policy": "Always"})
        assert len(replaced_pods(seen, plan(md, seen, other, LATER))) == 1


@pytest.mark.parametrize(("version", "name"), LIVES)
def test_no_upgrade_repeats_an_optimization_or_deletes_what_serves(version: str, name: str) -> None:
    _, _, seen, made = upgraded(version, name)
    assert [m["metadata"]["name"] for m in made.apply if m["kind"] == "Job"] == []
    assert made.delete == ()
    (service,) = seen.services
    kept = [m["spec"]["selector"] for m in made.apply if m["kind"] == "Service"]
    assert kept in ([], [service["spec"]["selector"]])


@pytest.mark.parametrize(("version", "name"), LIVES)
def test_an_object_that_any_release_stored_is_understood(version: str, name: str) -> None:
    body, md, seen, made = upgraded(version, name)
    reported: Any = status(md, seen, made, NEXT, LATER)
    assert compute({**body, "status": reported}).status is KStatus.CURRENT
    (serving,) = seen.deployments
    assert reported["revision"]["serving"] == serving["metadata"]["labels"][names.REVISION_LABEL]
    stored = {c["type"]: c["lastTransitionTime"] for c in body["status"]["conditions"]}
    assert {c["type"]: c["lastTransitionTime"] for c in reported["conditions"]} == stored
