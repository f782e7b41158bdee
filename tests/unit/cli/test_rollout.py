"""What is kept of a model's past, and that a restart is nothing that the operator undoes."""

from datetime import timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from tests.support.manifests import changed, minimal
from tests.support.world import START, World, world
from tests.support.world_seen import by_precisions, seen, served
from trifocal.api.names import PRODUCT_LABEL
from trifocal.cli.rollout.appliers import appliers
from trifocal.cli.rollout.command import restart_patch, step_line
from trifocal.cli.rollout.history import Role, history, serving_deployments
from trifocal.cli.rollout.history_text import render
from trifocal.cli.status_tree import Chain
from trifocal.cli.user_cluster import FIELD_MANAGER
from trifocal.cli.written import changed as with_field
from trifocal.reconcile.plan import plan
from trifocal.settings import Settings


def narrow(w: World) -> None:
    w.edit(lambda body: changed(body, "spec.optimization.precisions", ["fp16"]))


def roles(w: World) -> dict[str, Role]:
    return {revision.name: revision.role for revision in history(seen(w)).revisions}


def test_before_anything_was_made_there_is_no_past() -> None:
    found = history(seen(world(by_precisions)))
    assert (found.revisions, found.results) == ((), ())


def test_one_revision_serves() -> None:
    w = served()
    found = history(seen(w))
    [revision], [result] = found.revisions, found.results
    assert (revision.name, revision.role) == (w.selected(), Role.SERVING)
    assert revision.artifact == result.artifact == f"sha256:{'f' * 64}"
    assert revision.image == "nvcr.io/nvidia/tritonserver:26.07-py3"
    assert (revision.ready, revision.replicas) == (1, 1)
    assert revision.proved is not None
    assert revision.proved > revision.created >= START
    assert (result.chosen, result.in_force) == ("fp16", True)


def test_a_rollout_shows_both_and_then_only_the_new_one() -> None:
    w = served()
    first = w.selected()
    narrow(w)
    stages: list[dict[str, Role]] = []
    for _ in range(40):
        w.reconcile()
        w.tick()
        if not stages or stages[-1] != roles(w):
            stages.append(roles(w))
    last = w.selected()
    assert last != first
    assert {first: Role.SERVING, last: Role.WANTED} in stages
    assert {first: Role.PREVIOUS, last: Role.SERVING} in stages
    assert stages[-1] == {last: Role.SERVING}
    kept = history(seen(w)).results
    assert [result.in_force for result in kept] == [True, False]
    assert [result.artifact[7] for result in kept] == ["c", "f"]


def test_a_revision_that_was_refused_says_why() -> None:
    w = served()
    first = w.selected()
    w.behaviour = lambda spec: "differs" if "c" * 64 in str(spec) else "good"
    narrow(w)
    w.settle()
    [refused] = [r for r in history(seen(w)).revisions if r.name != first]
    assert (refused.role, refused.replicas) == (Role.REFUSED, 0)
    assert refused.refusal == "scores differ by 0.3"
    assert w.selected() == first


def test_the_text_has_the_three_tables() -> None:
    w = served()
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(history(seen(w)), START + timedelta(hours=2)))
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    request = w.body["status"]["optimization"]["request"]
    assert lines[0] == "revision age pods artifact what it is"
    assert lines[1].startswith(f"{w.selected()} 1h59m 1/1 sha256:ffffffffffff has the traffic")
    assert lines[3:5] == ["spec of", f"{w.selected()} has the traffic"]
    assert lines[7].endswith("fp16 sha256:ffffffffffff of the present spec")
    assert lines[7].startswith(request[:19])


def test_a_restart_is_no_drift_and_so_stays() -> None:
    """The operator applies a Deployment whose fields differ; an annotation more is none of them."""
    w = served()
    (deployment,) = serving_deployments(seen(w))
    [(where, value)] = restart_patch(w.now)["spec"]["template"]["metadata"]["annotations"].items()
    restarted = with_field(
        deployment,
        ("spec", "template", "metadata", "annotations"),
        {**deployment["spec"]["template"]["metadata"]["annotations"], where: value},
    )
    w.objects["Deployment", deployment["metadata"]["name"]] = restarted
    made = plan(w.md, w.look(), w.settings, w.now)
    assert (made.apply, made.delete) == ((), ())
    assert where == "kubectl.kubernetes.io/restartedAt"


def test_nothing_serves_before_the_first_proof() -> None:
    w = world(by_precisions)
    w.reconcile()
    assert serving_deployments(seen(w)) == ()


def test_each_state_is_one_line() -> None:
    w = world(by_precisions)
    assert step_line(Chain(body=w.body)) == "waits for the operator to look at this spec"
    w.reconcile()
    assert step_line(Chain(body=w.body)) == (
        "waits (Optimizing): The optimization is about to start."
    )
    w.settle()
    assert step_line(Chain(body=w.body)) == f"ready: revision {w.selected()} has the traffic"


def owned(manager: str, operation: str, *fields: str) -> dict[str, Any]:
    spec: dict[str, Any] = {f"f:{field}": {} for field in fields}
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}}


def test_who_sets_a_pause_back_is_named() -> None:
    body = minimal()
    body["metadata"]["managedFields"] = [
        owned("kustomize-controller", "Apply", "model", "suspend"),
        owned("argocd-controller", "Apply", "model"),
        owned(FIELD_MANAGER, "Update", "suspend"),
    ]
    assert appliers(body, [("suspend",)]) == ("kustomize-controller",)


def test_flux_takes_no_field_away_from_us() -> None:
    """It strips managers whose name begins with kubectl or is before-first-apply."""
    assert not FIELD_MANAGER.startswith(("kubectl", "before-first-apply", "kustomize-controller"))


def test_a_revision_on_several_products_is_one_line_and_is_restarted_on_each() -> None:
    w = world(by_precisions, products={"NVIDIA-L4": 1, "NVIDIA-A10G": 1})
    w.settings = Settings(accelerator_patience_seconds=60)
    accelerator = {"count": 1, "products": ["NVIDIA-L4", "NVIDIA-A10G"]}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", accelerator))
    w.edit(lambda b: changed(b, "spec.replicas", 2))
    w.settle()
    [revision] = history(seen(w)).revisions
    assert (revision.name, revision.role) == (w.selected(), Role.SERVING)
    assert (revision.ready, revision.replicas) == (2, 2)
    found = {d["metadata"]["labels"][PRODUCT_LABEL] for d in serving_deployments(seen(w))}
    assert found == {"NVIDIA-L4", "NVIDIA-A10G"}
