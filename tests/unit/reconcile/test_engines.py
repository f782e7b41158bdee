"""A model for TensorRT on several GPU products: an engine for each, and pods where there is one."""

from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed, digest
from tests.support.world import World, world
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile import engines
from trifocal.reconcile.children import product_of, replicas_of
from trifocal.resources.optimization_job import build_request
from trifocal.resources.products import optimized_for
from trifocal.settings import Settings
from trifocal.triton.tensorrt import EngineOrigin

L4, A10G = "NVIDIA-L4", "NVIDIA-A10G"
LETTER = {L4: "4", A10G: "a"}
"""Of which the digest of the product's engine is made."""
SETTINGS = Settings(
    accelerator_prices={L4: 0.8, A10G: 1.0},
    accelerator_patience_seconds=60,
    optimizer_tensorrt_image="registry.example.com/optimizer-tensorrt:1",
)
ORIGIN = EngineOrigin(tensorrt="10.1", triton_release="26.07", platform="linux-x86_64")


class Bench:
    """The Jobs: which product's engine is built, refused, or worked on for ever."""

    def __init__(self, *built: str, refused: tuple[str, ...] = ()) -> None:
        self.built, self.refused = set(built), set(refused)
        self.letters = dict(LETTER)

    def __call__(self, asked: str, body: Manifest) -> OptimizationResult | None:
        product = self.product(asked, body)
        if product in self.refused:
            return results.refused()
        if product not in self.built:
            return None
        found = results.artifact(self.letters[product])
        return found.model_copy(update={"engine": ORIGIN})

    def product(self, asked: str, body: Manifest) -> str:
        w = world(lambda *_: None)
        w.body = body
        (found,) = (
            product
            for product, view in optimized_for(w.md)
            if build_request(view, SETTINGS).digest() == asked
        )
        return str(found)


def fleet(bench: Bench, replicas: int = 2, *products: str, **there: int) -> World:
    w = world(bench, products={L4: there.get("l4", 0), A10G: there.get("a10g", 0)})
    w.settings = SETTINGS
    name(w, *(products or (L4, A10G)))
    w.edit(lambda b: changed(b, "spec.replicas", replicas))
    w.edit(lambda b: changed(b, "spec.optimization.targets", [{"runtime": "tensorrt"}]))
    return w


def name(w: World, *products: str) -> None:
    accelerator = {"resource": "nvidia.com/gpu", "count": 1, "products": list(products)}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", accelerator))


def passes(w: World, times: int = 60) -> None:
    for _ in range(times):
        w.reconcile()
        w.tick()


def ready(w: World) -> dict[str, int]:
    pods = [product_of(pod) for pod in w.ready(w.selected())]
    return {p: pods.count(p) for p in (L4, A10G) if p in pods}


def fetched(w: World) -> dict[str, str]:
    """What the pods of each product's Deployment fetch, by the first letter of its digest."""
    found = {}
    for deployment in w.look().deployments:
        first = deployment["spec"]["template"]["spec"]["initContainers"][0]["args"]
        found[product_of(deployment) or ""] = first[first.index("--artifact") + 1][len("sha256:")]
    return found


def condition(w: World, kind: str) -> tuple[str, str, str]:
    (found,) = (c for c in w.body["status"]["conditions"] if c["type"] == kind)
    return found["status"], found["reason"], found["message"]


def test_each_product_has_a_job_on_that_product_and_pods_with_its_engine() -> None:
    w = fleet(Bench(L4, A10G), l4=1, a10g=1)
    w.reconcile()
    jobs = w.look().jobs
    selectors = [j["spec"]["template"]["spec"]["nodeSelector"] for j in jobs]
    assert {s["nvidia.com/gpu.product"] for s in selectors} == {L4, A10G}
    w.settle()
    assert ready(w) == {L4: 1, A10G: 1}
    assert fetched(w) == LETTER
    assert len(w.made) == len(set(w.made))
    assert w.moves == [("none", w.selected())]
    told = {p["product"]: p for p in w.body["status"]["products"]}
    assert told[A10G]["artifact"] == digest("a")
    assert condition(w, "Ready")[0] == "True"


def test_the_job_of_a_product_is_the_one_that_it_would_have_alone() -> None:
    """Engines that there are already are not built again when a product is added."""
    w = fleet(Bench(L4, A10G), 1, l4=1, a10g=1)
    w.edit(lambda b: changed(b, "spec.serving.accelerator", {"product": L4}))
    w.settle()
    name(w, L4, A10G)
    w.settle()
    assert [kind for kind, _ in w.made].count("Job") == 2


def test_pods_run_where_there_is_an_engine_while_the_other_is_built() -> None:
    bench = Bench(A10G)
    w = fleet(bench, l4=2, a10g=2)
    passes(w)
    assert ready(w) == {A10G: 2}
    assert condition(w, "Ready")[0] == "True"
    assert f"No engine for {L4} yet: Its engine is being built." in condition(w, "Optimized")[2]
    (l4, a10g) = w.body["status"]["products"]
    assert (l4["product"], l4["message"]) == (L4, "Its engine is being built.")
    assert "message" not in a10g

    revision, pods = w.selected(), {pod["metadata"]["uid"] for pod in w.look().pods}
    bench.built.add(L4)
    for _ in range(60):
        w.reconcile()
        w.tick()
        assert sum(ready(w).values()) >= 2
    assert (w.selected(), ready(w)) == (revision, {L4: 2})
    assert not pods & {pod["metadata"]["uid"] for pod in w.ready(revision)}
    assert "No engine" not in condition(w, "Optimized")[2]


def test_a_product_whose_engine_is_refused_gets_no_pods_and_says_so() -> None:
    w = fleet(Bench(A10G, refused=(L4,)), l4=2, a10g=2)
    w.settle()
    assert ready(w) == {A10G: 2}
    assert condition(w, "Optimized")[:2] == ("True", "Optimized")
    assert f"No engine for {L4} yet: " in condition(w, "Optimized")[2]
    assert {product_of(d) for d in w.look().deployments} == {A10G}


def test_where_every_engine_is_refused_nothing_serves() -> None:
    w = fleet(Bench(refused=(L4, A10G)), l4=2, a10g=2)
    w.settle()
    assert condition(w, "Optimized")[:2] == ("False", "SourceBelowGate")
    assert condition(w, "Stalled")[0] == "True"
    assert w.selected() == "none"


def test_a_refused_one_does_not_hide_that_the_other_is_at_work() -> None:
    w = fleet(Bench(refused=(L4,)), l4=2, a10g=2)
    passes(w)
    assert condition(w, "Optimized")[:2] == ("Unknown", "Optimizing")


def test_lost_machines_are_replaced_by_pods_with_the_other_engine() -> None:
    w = fleet(Bench(L4, A10G), l4=2, a10g=2)
    w.settle()
    assert ready(w) == {L4: 2}
    w.lose(L4)
    w.settle()
    assert ready(w) == {A10G: 2}
    assert [kind for kind, _ in w.made].count("Job") == 2


def test_one_more_product_restarts_nothing_and_is_built() -> None:
    w = fleet(Bench(L4, A10G), 2, L4, l4=2, a10g=2)
    w.settle()
    revision, pods = w.selected(), {pod["metadata"]["uid"] for pod in w.look().pods}
    name(w, L4, A10G)
    w.settle()
    assert (w.selected(), ready(w)) == (revision, {L4: 2})
    serving = {pod["metadata"]["uid"] for pod in w.ready(revision)}
    assert serving <= pods
    assert fetched(w) == LETTER


def test_a_deployment_keeps_the_engine_that_it_was_made_with() -> None:
    """Building is no function of the recipe alone: a second build is another file."""
    bench = Bench(L4, A10G)
    w = fleet(bench, l4=2, a10g=2)
    w.settle()
    pods = {pod["metadata"]["uid"] for pod in w.ready(w.selected())}
    bench.letters = {L4: "5", A10G: "b"}
    for key in [key for key in w.objects if key[0] in {"Job", "ConfigMap"} and "-opt-" in key[1]]:
        w.delete(*key)
    w.settle()
    assert fetched(w) == LETTER
    assert pods == {pod["metadata"]["uid"] for pod in w.ready(w.selected())}


def test_another_recipe_is_another_revision_with_engines_of_its_own() -> None:
    bench = Bench(L4, A10G)
    w = fleet(bench, l4=4, a10g=4)
    w.settle()
    before = w.selected()
    bench.letters = {L4: "5", A10G: "b"}
    w.edit(lambda b: changed(b, "spec.optimization.precisions", ["fp16"]))
    w.settle()
    assert w.selected() != before
    assert (ready(w), fetched(w)) == ({L4: 2}, {L4: "5", A10G: "b"})
    assert {product_of(d): replicas_of(d) for d in w.look().deployments} == {L4: 2, A10G: 0}


def test_another_optimizer_image_builds_no_engine_again_and_starts_no_pod() -> None:
    w = fleet(Bench(L4, A10G), l4=2, a10g=2)
    w.settle()
    made, pods = list(w.made), {pod["metadata"]["uid"] for pod in w.ready(w.selected())}
    w.settings = SETTINGS.model_copy(update={"optimizer_tensorrt_image": "example.com/other:2"})
    w.settle()
    assert w.made == made
    assert pods == {pod["metadata"]["uid"] for pod in w.ready(w.selected())}


def test_a_pod_is_asked_for_the_answers_of_its_own_engine() -> None:
    w = fleet(Bench(L4, A10G), l4=1, a10g=1)
    w.settle()
    seen = w.look()
    uids = {product_of(p): p["metadata"]["uid"] for p in w.ready(w.selected())}
    found = engines.expected(w.md, seen, w.selected(), uids.values(), SETTINGS)
    given = {product: getattr(found[uid], "artifact", None) for product, uid in uids.items()}
    assert given == {L4: digest("4"), A10G: digest("a")}


def test_the_scaler_knows_pods_by_the_cheapest_engine_that_there_is() -> None:
    def artifact(bench: Bench) -> Any:
        w = fleet(bench, l4=2, a10g=2)
        passes(w, 20)
        found = engines.measured(w.md, w.look(), SETTINGS)
        return found and found.artifact

    assert artifact(Bench(L4, A10G)) == digest("4")
    assert artifact(Bench(A10G)) == digest("a")
    assert artifact(Bench()) is None


@pytest.mark.parametrize("at", range(12))
def test_a_crash_before_any_write_ends_alike(at: int) -> None:
    w = fleet(Bench(L4, A10G), l4=1, a10g=1)
    for _ in range(30):
        w.reconcile(crash_before_write=at)
        w.tick()
    w.settle()
    assert (ready(w), fetched(w)) == ({L4: 1, A10G: 1}, LETTER)
    assert [kind for kind, _ in w.made].count("Job") == 2
