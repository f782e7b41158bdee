"""What an undo goes back to: what served before, or what serves while something else is tried."""

from typing import Any

import pytest

from tests.support.manifests import Manifest, changed, minimal
from tests.support.world import World, world
from tests.support.world_seen import by_precisions, seen, served
from trifocal.cli.in_force import settings_in_force
from trifocal.cli.plan.effects import Ground
from trifocal.cli.plan.prospect import prospect
from trifocal.cli.rollout.appliers import appliers, sources
from trifocal.cli.rollout.history import history
from trifocal.cli.rollout.undoing import previous, target, undo_patch
from trifocal.cli.session import Unanswered
from trifocal.cli.user_cluster import FIELD_MANAGER
from trifocal.reconcile.served_specs import SERVED_SPECS_ANNOTATION


def with_precisions(w: World, *precisions: str) -> str:
    w.edit(lambda body: changed(body, "spec.optimization.precisions", [*precisions]))
    w.settle()
    return w.selected()


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as its pseudocode has it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, each in patch.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), each)
    return result


def undone(w: World, revision: str | None = None) -> Manifest:
    body = {**w.body, "metadata": {**w.body["metadata"], "resourceVersion": "7"}}
    patch = undo_patch(body, target(seen(w), revision))
    assert patch["metadata"] == {"resourceVersion": "7"}
    return dict(merged(w.body["spec"], patch["spec"]))


def test_it_goes_back_and_forth_between_two() -> None:
    w = served()
    first = w.selected()
    second = with_precisions(w, "fp16")
    for back in (first, second):
        spec = undone(w)
        w.edit(lambda body, spec=spec: {**body, "spec": spec})  # type: ignore[misc]
        w.settle()
        assert w.selected() == back
    assert w.body["spec"]["optimization"]["precisions"] == ["fp16"]


def test_going_back_repeats_no_optimization() -> None:
    w = served()
    with_precisions(w, "fp16")
    ground = Ground(observed=seen(w).observed, settings=settings_in_force(seen(w), ()), now=w.now)
    told = prospect(seen(w), {**w.body, "spec": undone(w)}, ground)
    assert not told.optimizes


def test_pods_and_pause_stay_as_they_are() -> None:
    w = served()
    with_precisions(w, "fp16")
    w.edit(lambda body: {**body, "spec": {**body["spec"], "replicas": 3, "suspend": True}})
    spec = undone(w)
    assert (spec["replicas"], spec["suspend"]) == (3, True)
    assert "precisions" not in spec["optimization"]


def test_a_rollout_that_does_not_end_is_taken_back() -> None:
    """As `kubectl rollout undo` while new pods crash: to what serves, not to what was before it."""
    w = served()
    second = with_precisions(w, "fp16")
    w.behaviour = lambda _spec: "differs"
    w.edit(lambda body: changed(body, "spec.serving.resources", {"limits": {"memory": "2Gi"}}))
    w.settle()
    assert w.selected() == second
    found = previous(seen(w))
    assert found is not None
    assert found.revision == second
    assert "resources" not in undone(w).get("serving", {})


def test_a_spec_that_nobody_has_looked_at_yet_is_taken_back() -> None:
    w = served()
    w.edit(lambda body: changed(body, "spec.optimization.precisions", ["fp16"]))
    assert "precisions" not in undone(w)["optimization"]


def test_a_revision_is_named_by_the_first_letters_of_its_hash() -> None:
    w = served()
    first = w.selected()
    with_precisions(w, "fp16")
    with_precisions(w, "fp32")
    assert target(seen(w), first[:6]).revision == first
    with pytest.raises(Unanswered, match="no spec is kept for revision 0000000000; kept: "):
        target(seen(w), "0000000000")
    with pytest.raises(Unanswered, match="more than one spec is kept for revision \\(empty\\)"):
        target(seen(w), "")


@pytest.mark.parametrize("moment", ["new", "first", "older release", "older release, rolling"])
def test_where_nothing_is_kept_it_says_why(moment: str) -> None:
    w = world(by_precisions) if moment == "new" else served()
    if moment.startswith("older"):
        del w.objects["Service", "digits"]["metadata"]["annotations"][SERVED_SPECS_ANNOTATION]
    if moment.endswith("rolling"):
        w.edit(lambda body: changed(body, "spec.optimization.precisions", ["fp16"]))
    words = {
        "new": "No revision of digits has the traffic, so there is none to go back to.",
        "first": "is kept: there was none, or an older release made it",
        "older release": "No spec that served before revision",
        "older release, rolling": "which serves, is not kept: an older release made it",
    }
    with pytest.raises(Unanswered) as refused:
        target(seen(w), None)
    assert words[moment] in refused.value.message
    assert "git revert" in refused.value.message


def test_history_marks_what_can_be_gone_back_to() -> None:
    w = served()
    first = w.selected()
    second = with_precisions(w, "fp16")
    marks = {s.revision: (s.has_traffic, s.is_previous) for s in history(seen(w)).specs}
    assert marks == {second: (True, False), first: (False, True)}


def owned(manager: str, fields: Manifest, operation: str = "Apply") -> Manifest:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields}}


def test_who_owns_a_field_a_part_of_it_or_the_whole_is_named() -> None:
    body = minimal()
    body["metadata"]["managedFields"] = [
        owned("part", {"f:serving": {"f:resources": {"f:limits": {"f:memory": {}}}}}),
        owned("whole", {"f:serving": {}}),
        owned("other", {"f:serving": {"f:batching": {"f:maxBatchSize": {}}}, "f:replicas": {}}),
        owned("editor", {"f:serving": {}}, "Update"),
        owned(FIELD_MANAGER, {"f:serving": {}}),
    ]
    assert appliers(body, [("serving", "resources")]) == ("part", "whole")
    assert appliers(body, []) == ()


@pytest.mark.parametrize(
    ("where", "key", "tool"),
    [
        ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux (kustomize-controller)"),
        ("labels", "helm.toolkit.fluxcd.io/name", "Flux (helm-controller)"),
        ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ],
)
def test_gitops_is_known_by_its_marks(where: str, key: str, tool: str) -> None:
    """Keys from the tools' documentation; Argo CD's client-side apply leaves no Apply entry."""
    body = minimal()
    assert sources(body, [("serving",)]) == ()
    body["metadata"][where] = {key: "models"}
    assert sources(body, [("serving",)]) == (tool,)
