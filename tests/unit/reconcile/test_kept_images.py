"""An upgrade of Trifocal, seen from one ModelDeployment: only what is new takes the new images."""

from collections.abc import Mapping
from typing import Any

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.kept_images import OPERATOR_IMAGE_ANNOTATION
from trifocal.reconcile.plan import plan

TARGETS = [{"runtime": "tensorrt"}]
GPU = {"accelerator": {"product": "NVIDIA-L4"}}


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def bad(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.refused()


def never(_digest: str, _body: Manifest) -> None:
    return None


def upgrade(w: World, **settings: str) -> None:
    images = {"operator_image": "operator:next", "optimizer_image": "optimizer:next"}
    w.settings = w.settings.model_copy(update={**images, **settings})


def jobs(w: World) -> list[str]:
    """Images of all Jobs there are."""
    found = (obj for (kind, _), obj in w.objects.items() if kind == "Job")
    return [job["spec"]["template"]["spec"]["containers"][0]["image"] for job in found]


def serving(w: World) -> Manifest:
    return w.objects["Deployment", names.revision("digits", w.selected())]


def images(deployment: Mapping[str, Any]) -> set[str]:
    """Of everything in its pods that is the operator's image."""
    return {c["image"] for c in deployment["spec"]["template"]["spec"]["initContainers"]}


def test_a_model_that_serves_is_left_alone() -> None:
    w = world(good)
    w.settle()
    before, pods = w.writes, [key for key in w.objects if key[0] == "Pod"]
    upgrade(w)
    made = w.settle()
    assert (made.apply, made.delete, w.writes) == ((), (), before)
    assert [key for key in w.objects if key[0] == "Pod"] == pods


def test_a_child_that_is_lost_later_is_made_as_it_was() -> None:
    w = world(good)
    w.settle()
    upgrade(w)
    w.settle()
    w.delete("Job", next(name for kind, name in w.objects if kind == "Job"))
    w.delete("Service", "digits")
    w.settle()
    assert jobs(w) == []
    assert len(w.moves) == 2  # the Service came back, to the same revision
    assert w.moves[0][1] == w.moves[1][1]


def test_a_new_revision_runs_the_new_operator_and_repeats_no_optimization() -> None:
    w = world(good)
    w.settle()
    upgrade(w)
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))
    w.settle()
    assert images(serving(w)) == {"operator:next"}
    assert jobs(w) == ["ghcr.io/trifocal/optimizer:0.1.0"]


def test_a_new_recipe_runs_on_the_new_optimizer() -> None:
    w = world(good)
    w.settle()
    upgrade(w)
    w.edit(lambda b: changed(b, "spec.optimization.search", "grid"))
    w.settle()
    assert jobs(w) == ["optimizer:next"]


def test_a_failure_is_tried_again_by_the_new_optimizer() -> None:
    w = world(bad)
    w.settle()
    upgrade(w)
    w.optimizer = good
    w.settle()
    assert jobs(w) == ["optimizer:next"]
    assert w.ready(w.selected())


def test_a_job_at_work_goes_on_and_its_result_is_taken() -> None:
    w = world(never)
    for _ in range(3):
        w.reconcile()
        w.tick()
    upgrade(w)
    w.reconcile()
    w.optimizer = good
    w.settle()
    assert jobs(w) == ["ghcr.io/trifocal/optimizer:0.1.0"]
    assert w.ready(w.selected())
    assert images(serving(w)) == {"operator:next"}


def test_an_engine_for_another_triton_is_built_anew() -> None:
    w = world(lambda _digest, _body: results.engine("26.07"))
    w.settings = w.settings.model_copy(update={"optimizer_tensorrt_image": "tensorrt:1"})
    w.edit(lambda b: changed(b, "spec.optimization.targets", TARGETS))
    w.edit(lambda b: changed(b, "spec.serving", GPU))
    w.settle()
    assert jobs(w) == ["tensorrt:1"]
    upgrade(w, optimizer_tensorrt_image="tensorrt:2", triton_version="26.09")
    w.optimizer = lambda _digest, _body: results.engine("26.09")
    w.settle()
    assert jobs(w) == ["tensorrt:2"]


def test_pods_get_the_present_image_when_the_note_of_theirs_is_taken_away() -> None:
    w = world(good)
    w.settle()
    upgrade(w)
    del serving(w)["metadata"]["annotations"][OPERATOR_IMAGE_ANNOTATION]
    (applied,) = plan(w.md, w.look(), w.settings, w.now).apply
    assert applied["metadata"]["name"] == serving(w)["metadata"]["name"]
    assert images(applied) == {"operator:next"}
