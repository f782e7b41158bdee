"""Real Flux between a real git repository and the operator, on a real API server.

What Flux does is told in its own documentation: kustomize-controller's docs/spec/v1 on `wait`,
`timeout`, `prune`, `ignore` and `healthCheckExprs`. Jobs and pods are played, see
`cluster_at_work`; the operator, Flux and what passes between them are not.
"""

import pytest

from tests.faults.controllers import HANGS, INTERRUPTED, REFUSED, SUCCEEDS
from tests.gitops.page import example
from tests.gitops.team import MODEL, Team
from tests.support import results
from tests.support.flux import FLUXES_OWN
from tests.support.manifests import digest
from tests.support.tenant import MANAGED, OWNED

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TIMEOUT_SECONDS = 30 * 60
"""`Delivery` declares it; an optimization has to fit into it."""
FAST_SECONDS = TIMEOUT_SECONDS / 15
"""What counts as long before: six seconds on an idle machine."""
POLL_SECONDS = 5
"""How often Flux looks at what it waits for (kustomize-controller, `checkHealth`)."""
NOTES = {
    "models/notes.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n",
}
"""Something else in the same folder; a folder without any file is in no git repository."""


def deliver_first(team: Team, **fields: object) -> None:
    """Bring the first commit to its readiness."""
    team.commit("Digits, the first model", **fields)
    team.delivery.declare()
    team.deliver()
    assert team.until(team.is_delivered), team.story


def test_a_kustomization_is_ready_only_when_the_model_answers(team: Team) -> None:
    team.cluster.outcome = HANGS
    team.commit("Digits, the first model")
    team.delivery.declare()
    team.deliver()
    assert team.until(lambda: team.condition("Optimized").get("reason") == "Optimizing")
    assert team.until(team.delivery.is_at_work)
    # While the Job works, Flux looks more than once and goes on waiting.
    assert not team.until(lambda: not team.delivery.is_at_work(), 2 * POLL_SECONDS)
    assert not team.is_delivered()
    team.cluster.outcome = SUCCEEDS
    assert team.until(team.is_delivered), team.story
    answered, delivered = team.condition("Ready"), team.delivery.condition()
    assert answered["status"] == "True"
    assert answered["lastTransitionTime"] <= delivered["lastTransitionTime"]


def test_a_broken_commit_fails_fast_and_its_revert_brings_the_old_revision_back(
    team: Team,
) -> None:
    deliver_first(team)
    first = team.serving()
    team.cluster.outcome = REFUSED
    team.commit("A model that misses its gate", model__source__digest=digest("d"))
    team.deliver()
    assert team.until(team.has_failed, FAST_SECONDS), team.story
    failed = f"[ModelDeployment/{team.tenant.namespace}/digits status: 'Failed']"
    assert team.delivery.condition()["message"].endswith(
        f"failed early due to stalled resources: {failed}"
    )
    # Flux names the object; what to do is said there, and in an event of it.
    refusal = results.refused().failure
    assert refusal is not None
    assert team.condition("Stalled")["message"].startswith(refusal.message)
    assert any(event["message"].startswith(refusal.message) for event in team.tenant.get("events"))
    assert team.serving() == first, "what served goes on"
    team.revert()
    team.deliver()
    assert team.until(team.is_delivered), team.story
    assert team.serving() == first
    print("\n".join(["", *team.story]))  # noqa: T201 - the transcript of docs/gitops.md


def test_a_newer_commit_is_not_kept_waiting_by_an_optimization(team: Team) -> None:
    team.cluster.outcome = HANGS
    team.commit("Digits, the first model")
    team.delivery.declare()
    team.deliver()
    assert team.until(lambda: len(team.jobs_made()) == 1), team.story
    team.commit("Another model", model__source__digest=digest("b"))
    team.deliver()
    assert team.until(lambda: len(team.jobs_made()) == 2), team.story
    team.cluster.outcome = SUCCEEDS
    assert team.until(team.is_delivered), team.story


def test_a_revert_of_a_served_model_repeats_no_optimization(team: Team) -> None:
    deliver_first(team)
    first = team.serving()
    team.commit("Another model", model__source__digest=digest("b"))
    team.deliver()
    assert team.until(team.is_delivered), team.story
    assert team.serving() not in {first, ""}
    team.revert()
    team.deliver()
    assert team.until(team.is_delivered), team.story
    assert team.serving() == first
    jobs = team.jobs_made()
    assert len(jobs) == len(set(jobs)) == 2, "one for each model, whatever came between"


def test_what_is_removed_from_git_goes_with_all_that_was_made_of_it(team: Team) -> None:
    team.push(dict(NOTES), "Notes")
    deliver_first(team)
    assert team.tenant.get(f"{OWNED},pods", "-l", MANAGED)
    team.push({MODEL: None}, "Digits is retired")
    team.deliver()
    assert team.until(team.is_delivered), team.story
    assert team.until(lambda: team.tenant.get(f"mdep,{OWNED},pods", "-l", MANAGED) == [])
    assert team.tenant.find("configmap", "notes"), "what is still in git stays"


def test_the_same_commit_again_changes_nothing(team: Team) -> None:
    deliver_first(team)
    before = team.model()["metadata"]
    since = team.tenant.plane.audit_position()
    team.delivery.reconcile()
    team.push(dict(NOTES), "Notes")
    team.deliver()
    assert team.until(team.is_delivered), team.story
    team.delivery.reconcile()
    written = {
        (each.resource, each.name, each.user_agent)
        for each in team.tenant.plane.audit_writes(since)
        if each.resource not in FLUXES_OWN and each.name != "notes"
    }
    assert written == set()
    assert team.model()["metadata"] == before


def test_replicas_that_git_leaves_out_belong_to_who_scales(team: Team) -> None:
    deliver_first(team)
    team.tenant.run("scale", "mdep", "digits", "--replicas=3")
    team.delivery.reconcile()
    assert team.model()["spec"]["replicas"] == 3
    assert team.until(lambda: team.model()["status"]["readyReplicas"] == 3), team.story
    # An edit is not a scaling: Flux takes away what `kubectl edit`, `patch` and `apply` have set.
    patch = '{"spec": {"serving": {"instances": 2}}}'
    team.tenant.run("patch", "mdep", "digits", "--type=merge", "-p", patch)
    team.delivery.reconcile()
    assert team.until(team.is_delivered), team.story
    assert team.model()["spec"]["serving"]["instances"] == 1
    assert team.model()["spec"]["replicas"] == 3


def test_replicas_that_git_names_are_set_back_unless_they_are_ignored(team: Team) -> None:
    deliver_first(team, replicas=2)
    team.tenant.run("scale", "mdep", "digits", "--replicas=3")
    team.delivery.reconcile()
    assert team.model()["spec"]["replicas"] == 2
    assert team.until(team.is_delivered), team.story
    team.delivery.declare(ignore=example("ignore"))
    assert team.until(team.is_delivered), team.story
    team.tenant.run("scale", "mdep", "digits", "--replicas=3")
    team.delivery.reconcile()
    assert team.model()["spec"]["replicas"] == 3


def test_a_suspended_model_fails_unless_the_kustomization_says_otherwise(team: Team) -> None:
    team.commit("Digits, not yet", suspend=True)
    team.delivery.declare()
    team.deliver()
    assert team.until(team.has_failed), team.story
    assert team.condition("Stalled")["reason"] == "Suspended"
    team.delivery.declare(healthCheckExprs=example("healthCheckExprs"))
    team.delivery.reconcile()
    assert team.until(team.is_delivered), team.story
    assert team.jobs_made() == []
    team.commit("Digits, now", suspend=False)
    team.deliver()
    assert team.until(team.is_delivered), team.story
    assert team.condition("Ready")["status"] == "True"


def test_a_source_that_is_away_fails_fast_and_is_mended_without_a_commit(team: Team) -> None:
    team.cluster.outcome = INTERRUPTED
    team.commit("Digits, the first model")
    team.delivery.declare(retryInterval="5s")
    team.deliver()
    assert team.until(team.has_failed, FAST_SECONDS), team.story
    again = "It is tried again after some minutes"
    assert team.until(lambda: again in team.condition("Ready")["message"]), team.story
    team.cluster.outcome = SUCCEEDS
    assert team.until(team.is_delivered), team.story
