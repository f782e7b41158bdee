"""What `trifocal plan` foretells is what then happens in the in-memory cluster."""

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.support import results
from tests.support.manifests import Manifest, changed, digest
from tests.support.world import World, world
from trifocal.api.manifest import InvalidSpec
from trifocal.cli.in_force import settings_in_force
from trifocal.cli.plan.command import Refusal, manifests_in, render
from trifocal.cli.plan.effects import Effect, Ground, differences
from trifocal.cli.plan.prospect import Prospect, prospect
from trifocal.cli.seen import Seen, seen_in
from trifocal.cli.session import ExitCode, Unanswered
from trifocal.optimizer.contract import OptimizationResult
from trifocal.settings import Settings

Edits = dict[str, Any]


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def never(_digest: str, _body: Manifest) -> None:
    return None


def bad(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.refused()


def served() -> World:
    w = world(good)
    w.settle()
    return w


def edited(body: Manifest, edits: Edits) -> Manifest:
    for path, value in edits.items():
        body = changed(body, path, value)
    return body


def foretold(w: World, edits: Edits) -> Prospect:
    seen = Seen(body=w.body, md=w.md, observed=w.look())
    settings = settings_in_force(seen, ())
    ground = Ground(observed=seen.observed, settings=settings, now=w.now)
    return prospect(seen, edited(w.body, edits), ground)


REPLICAS: Edits = {"spec.replicas": 3}
MEMORY: Edits = {"spec.serving.resources": {"limits": {"memory": "2Gi"}}}
PRECISIONS: Edits = {"spec.optimization.precisions": ["fp16"]}
SOURCE: Edits = {"spec.model.source.digest": digest("b")}
BATCH: Edits = {"spec.serving.batching": {"maxBatchSize": 16}}
STORE: Edits = {"spec.artifacts.uri": "file:///other"}
MOVED_SOURCE: Edits = {"spec.model.source.uri": "file:///models/moved.onnx"}
DEADLINE: Edits = {"spec.optimization.job": {"deadlineSeconds": 600}}
TRITON: Edits = {"spec.serving.triton": {"version": "26.05"}}
HEADROOM: Edits = {"spec.serving.headroom": {"replicas": 1}}
SUSPEND: Edits = {"spec.suspend": True}
SAME: Edits = {"spec.suspend": False}

EFFECTS = [
    (REPLICAS, Effect.PODS),
    (MEMORY, Effect.REVISION),
    (TRITON, Effect.REVISION),
    (PRECISIONS, Effect.OPTIMIZATION),
    (SOURCE, Effect.OPTIMIZATION),
    (BATCH, Effect.OPTIMIZATION),
    (STORE, Effect.PUBLICATION),
    (MOVED_SOURCE, Effect.NOTHING),
    (DEADLINE, Effect.NOTHING),
    (HEADROOM, Effect.HEADROOM),
    (SUSPEND, Effect.NOTHING),
]


@pytest.mark.parametrize(("edits", "effect"), EFFECTS, ids=str)
def test_each_field_has_the_effect_that_the_design_gives_it(edits: Edits, effect: Effect) -> None:
    """A request is keyed by content and recipe, a revision by what its pods are made from."""
    [change] = foretold(served(), edits).changes
    assert change.effect is effect


@pytest.mark.parametrize(
    "edits",
    [
        *(edits for edits, _ in EFFECTS),
        {**PRECISIONS, **REPLICAS, **MEMORY},
        {**MEMORY, **MOVED_SOURCE},
        {**PRECISIONS, **SUSPEND},
        SAME,
    ],
    ids=",".join,
)
@pytest.mark.parametrize("optimizer", [good, never, bad], ids=["served", "under way", "failed"])
def test_the_next_pass_is_the_one_that_is_foretold(edits: Edits, optimizer: Any) -> None:
    w = world(optimizer)
    w.settle()
    told = foretold(w, edits)
    before, jobs = set(w.objects), [made for made in w.made if made[0] == "Job"]
    w.edit(lambda body: edited(body, edits))
    made = w.reconcile()
    happened = {
        *(("creates", *k) for k in _keys(made.apply) - before),
        *(("changes", *k) for k in _keys(made.apply) & before),
        *(("deletes", d.kind, d.name) for d in made.delete),
    }
    assert {(write.verb, write.kind, write.name) for write in told.next_pass} == happened
    w.settle()
    ran = len([made for made in w.made if made[0] == "Job"]) > len(jobs)
    assert told.optimizes == ran


def _keys(manifests: Any) -> set[tuple[str, str]]:
    return {(m["kind"], m["metadata"]["name"]) for m in manifests}


def test_a_job_that_has_found_nothing_starts_again_with_other_means() -> None:
    """A Job keeps the limits that it was made with; one that is done has no use for others."""
    w = world(never)
    w.settle()
    [change] = foretold(w, DEADLINE).changes
    assert change.effect is Effect.JOB


def test_what_would_be_written_anyway_is_no_part_of_it() -> None:
    """The operator's namespace is in the NetworkPolicies and cannot be seen from outside."""
    w = world(good, settings=Settings(namespace="elsewhere"))
    w.settle()
    assert foretold(w, SAME).next_pass == ()
    [write] = foretold(w, REPLICAS).next_pass
    assert (write.verb, write.kind) == ("changes", "Deployment")


@pytest.mark.parametrize("edits", [MEMORY, TRITON], ids=["memory", "triton"])
def test_the_revision_that_is_foretold_gets_the_traffic(edits: Edits) -> None:
    w = served()
    before, told = w.selected(), foretold(w, edits).revision
    w.edit(lambda body: edited(body, edits))
    w.settle()
    assert told == (
        f"{w.selected()} starts beside {before}, and gets the traffic when it is proved"
    )


def test_going_back_to_an_earlier_spec_costs_no_job() -> None:
    w = served()
    w.edit(lambda body: edited(body, PRECISIONS))
    w.settle()
    told = foretold(w, {"spec.optimization": world(good).body["spec"]["optimization"]})
    assert not told.optimizes
    assert "is kept from an earlier time" in told.optimization


def test_a_new_object_is_created_with_everything() -> None:
    body = world(good).body
    seen = seen_in(body, {})
    ground = Ground(observed=seen.observed, settings=Settings(), now=world(good).now)
    told = prospect(None, body, ground)
    assert (told.is_new, told.optimizes, told.changes) == (True, True, ())
    assert {write.kind for write in told.next_pass} == {
        *("ConfigMap", "Job", "NetworkPolicy", "PodDisruptionBudget", "Service")
    }
    assert {write.verb for write in told.next_pass} == {"creates"}


def test_an_engine_costs_at_most_its_deadline_on_one_gpu() -> None:
    """The default deadline is 3600 s, and a Job has one GPU: 1 GPU hour; 30 min are half of it."""
    w = world(good, settings=Settings(optimizer_tensorrt_image="tensorrt:1"))
    w.body = changed(w.body, "spec.optimization.targets", [{"runtime": "tensorrt"}])
    w.body = changed(w.body, "spec.serving.accelerator", {"product": "NVIDIA-L4"})
    w.settle()
    assert foretold(w, SOURCE).gpu_hours == 1.0
    half = {"spec.optimization.job": {"deadlineSeconds": 1800}}
    assert foretold(w, {**SOURCE, **half}).gpu_hours == 0.5
    assert foretold(w, REPLICAS).gpu_hours == 0.0


def test_fields_that_are_valid_only_together_are_told_so() -> None:
    w = served()
    place = {"uri": "file:///models/c.tar", "claimName": "models", "digest": digest("c")}
    told = foretold(
        w,
        {
            "spec.optimization.datasets.calibration": place,
            "spec.optimization.precisions": ["int8"],
        },
    )
    effects = {change.path[-1]: change.effect for change in told.changes}
    assert effects == {"calibration": Effect.OPTIMIZATION, "precisions": Effect.WITH_OTHERS}
    assert told.optimizes


def test_a_rule_that_no_api_server_checks_is_kept() -> None:
    with pytest.raises(InvalidSpec, match="Two labels are the same"):
        foretold(served(), {"spec.model.labels": ["one", "one"]})


def test_differences_are_leaves_and_lists_whole() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "gone": 1, "same": {"x": 1}}
    after = {"a": {"b": 2, "c": [2, 1]}, "new": {"y": 1}, "same": {"x": 1}}
    assert list(differences(before, after)) == [
        (("a", "b"), 1, 2),
        (("a", "c"), [1, 2], [2, 1]),
        (("gone",), 1, None),
        (("new",), None, {"y": 1}),
    ]


def text(*answers: Any) -> str:
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(list(answers)))
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    return "\n".join(line.rstrip() for line in printed.splitlines())


def test_the_text_names_what_is_dear_first_to_last() -> None:
    w = served()
    request, revision = w.body["status"]["optimization"]["request"], w.selected()
    told = foretold(w, {**PRECISIONS, **REPLICAS})
    old, new = f"digits-opt-{request[7:17]}", told.next_pass[0].name
    refusal = Refusal(
        namespace="default", name="other", message="Not so.", exit_code=ExitCode.STALLED
    )
    printed = text(told, foretold(w, SAME), refusal).splitlines()
    job = printed.pop(3)
    assert job.startswith(f"  optimization  a Job works on request sha256:{new[-10:]}")
    assert job.endswith("; it may take 1h at most")
    assert (
        "\n".join(printed)
        == f"""\
digits in namespace default: would be changed
  optimization.precisions  unset -> ["fp16"]  another optimization
  replicas                 unset -> 3         another number of pods
  revision      told when the optimization is done; {revision} serves until then
  pods          1 -> 3 (spec.replicas decides)
  next pass     creates ConfigMap {new}
                creates Job {new}
                changes Deployment digits-{revision}
                deletes Job {old}
                deletes ConfigMap {old}

digits in namespace default: would be changed
  suspend  unset -> False  no work now
  optimization  stays as it is (request {request[:19]})
  revision      stays as it is ({revision})
  pods          1 (spec.replicas decides)
  next pass     writes nothing

other in namespace default: Not so."""
    )


def test_manifests_are_found_among_others_and_in_lists() -> None:
    text = json.dumps(
        {
            "kind": "List",
            "items": [
                {"apiVersion": "trifocal.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {}},
                {"apiVersion": "v1", "kind": "Secret"},
            ],
        }
    )
    both = text + "\n---\n" + json.dumps(json.loads(text)["items"][0] | {"metadata": {"name": "x"}})
    found = manifests_in(both, "vision")
    assert [m["metadata"] for m in found] == [
        {"namespace": "vision"},
        {"namespace": "vision", "name": "x"},
    ]


@pytest.mark.parametrize("text", ["", "kind: Secret", "a: [", "- 1"])
def test_a_file_without_any_has_no_answer(text: str) -> None:
    with pytest.raises(Unanswered):
        manifests_in(text, "default")
