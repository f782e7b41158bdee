"""`trifocal status`: exact text at width 100, for each state that a person meets."""

from io import StringIO
from typing import Any

from rich.console import Console

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.cli.status_tree import Chain, Progress, progress, render
from trifocal.optimizer.contract import OptimizationResult
from trifocal.settings import Settings


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def bad(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.refused()


def never(_digest: str, _body: Manifest) -> None:
    return None


def chain(w: World) -> Chain:
    found = w.look()
    return Chain(
        body=w.body, deployments=found.deployments, pods=found.pods, services=found.services
    )


def text(shown: Chain) -> str:
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(shown))
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    return "\n".join(line.rstrip() for line in printed.splitlines())


def test_before_the_operator_has_seen_it() -> None:
    assert (
        text(chain(world(never)))
        == """\
digits in namespace default: in progress
├── source file:///models/digits.onnx (sha256:aaaaaaaaaaaa)
├── optimization: not started
├── traffic: none yet; it starts when a revision has given the recorded answers
├── scaling: spec.replicas asks for 1
└── waits for the operator, which has not looked at this spec yet"""
    )


def test_while_the_optimization_runs() -> None:
    w = world(never)
    w.reconcile()
    w.body = changed(w.body, "status.optimization.step", "quantize int8")
    w.body = changed(w.body, "status.optimization.progressPercent", 42)
    assert (
        text(chain(w))
        == """\
digits in namespace default: in progress
├── source file:///models/digits.onnx (sha256:aaaaaaaaaaaa)
├── optimization: quantize int8, 42 %
├── traffic: none yet; it starts when a revision has given the recorded answers
├── scaling: spec.replicas asks for 1
└── waits (Optimizing): The optimization is about to start."""
    )
    assert progress(chain(w)) is Progress.WAITING


def test_when_it_is_ready() -> None:
    w = world(good)
    w.settle()
    revision = w.selected()
    [pod] = w.ready(revision)
    assert (
        text(chain(w))
        == f"""\
digits in namespace default: Ready
├── source file:///models/digits.onnx (sha256:aaaaaaaaaaaa)
├── optimization: fp16 was chosen (sha256:ffffffffffff)
│   └── candidate  verdict  accuracy   drop  latency     size  why
│       fp16       Chosen      0.970  0.001  3.11 ms  2.4 MiB
│       int8       Lost        0.928  0.042        -        -  top1 0.928 is 0.042 below the
│                                                              source's 0.970; the gate allows
│                                                              0.01
├── revision {revision} (serving and wanted): 1 of 1 pods ready
│   └── pod {pod["metadata"]["name"]} on node-1: ready
├── traffic: http://digits.default.svc:8000 and grpc digits.default.svc:8001 to revision {revision}
└── scaling: spec.replicas asks for 1"""
    )
    assert progress(chain(w)) is Progress.READY


def with_edge(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.with_edge()


def test_candidates_stand_by_target_with_the_models_for_devices_and_doubts() -> None:
    w = world(with_edge)
    w.settle()
    shown = text(chain(w))
    start = shown.index("├── optimization")
    assert (
        shown[start : shown.index("├── revision")]
        == """\
├── optimization: fp16 was chosen (sha256:ffffffffffff)
│   ├── onnxruntime
│   │   └── candidate  verdict  accuracy   drop  latency     size  why
│   │       fp16       Chosen      0.970  0.001  3.11 ms  2.4 MiB
│   │       int8       Lost        0.928  0.042        -        -  top1 0.928 is 0.042 below the
│   │                                                              source's 0.970; the gate allows
│   │                                                              0.01
│   ├── litert
│   │   └── candidate  verdict  accuracy  drop  latency       size  why
│   │       int8       Chosen      0.968     -        -  614.4 KiB
│   ├── 1 more in the store's report
│   ├── for litert: int8 (sha256:eeeeeeeeeeee), 0.968 accurate, 99.1 % answered as the served model
│   │   does, 614.4 KiB
│   └── note: training and evaluation data do not declare different origins
"""
    )


def test_when_it_is_stalled() -> None:
    w = world(bad)
    w.settle()
    shown = text(chain(w))
    assert shown.startswith("digits in namespace default: Stalled (SourceBelowGate)")
    assert "├── optimization: SourceBelowGate\n" in shown
    assert "└── waits for you: The source's top1 is 0.31; the gate's minimum is 0.9." in shown
    assert progress(chain(w)) is Progress.STALLED


def test_a_pod_in_trouble_says_which_in_the_clusters_words() -> None:
    w = world(good, gpus=0)
    w.edit(lambda b: changed(b, "spec.serving.accelerator", {"resource": "nvidia.com/gpu"}))
    for _ in range(6):
        w.reconcile()
        w.tick()
    shown = " ".join(text(chain(w)).split())
    assert "no node yet: Unschedulable No node takes pod" in shown
    assert "1 Insufficient nvidia.com/gpu." in shown
    assert "waits (Unschedulable)" in shown


def test_a_spec_that_is_newer_than_the_status_is_not_ready() -> None:
    w = world(good)
    w.settle()
    w.edit(lambda b: changed(b, "spec.replicas", 2))
    assert progress(chain(w)) is Progress.WAITING
    assert "which has not looked at this spec yet" in text(chain(w))


def test_a_scaling_decision_is_shown_with_its_numbers() -> None:
    w = world(good)
    w.settle()
    scaling: dict[str, Any] = {
        "desiredReplicas": 3,
        "reason": "MoreLoad",
        "message": "120 requests/s need 3 replicas.",
        "inputs": {"requestsPerSecond": 120, "latencyMilliseconds": 48},
    }
    objective = {"maxReplicas": 4, "objective": {"latency": {"maxMilliseconds": 50}}}
    w.body = changed(changed(w.body, "status.scaling", scaling), "spec.scaling", objective)
    assert text(chain(w)).endswith("""\
└── scaling: 3 wanted (MoreLoad): 120 requests/s need 3 replicas.
    └── measured: 120 requests/s, latency 48 ms""")


def test_places_that_are_kept_free_are_shown_where_there_are_some() -> None:
    w = world(good)
    w.edit(lambda b: changed(b, "spec.serving.headroom", {"replicas": 2}))
    w.settle()
    assert text(chain(w)).endswith("\n└── headroom: 2 of 2 places held")
    w.body = changed(w.body, "status.headroom.message", "There is no [such] class.")
    assert text(chain(w)).endswith("places held\n    └── There is no [such] class.")


def test_words_of_others_are_not_taken_for_markup() -> None:
    w = world(good)
    w.settle()
    w.body = changed(w.body, "spec.model.source.uri", "file:///[red]x[/red].onnx")
    assert "file:///[red]x[/red].onnx" in text(chain(w))


def test_several_products() -> None:
    """Three pods of which the cheapest product has room for two; it is asked for all three."""
    w = world(good, products={"NVIDIA-L4": 2, "NVIDIA-A10G": 5})
    w.settings = Settings(accelerator_prices={"NVIDIA-L4": 0.8}, accelerator_patience_seconds=60)
    accelerator = {"count": 1, "products": ["NVIDIA-L4", "NVIDIA-A10G"]}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", accelerator))
    w.edit(lambda b: changed(b, "spec.replicas", 3))
    w.settle()
    shown = text(chain(w))
    assert f"revision {w.selected()} (serving and wanted): 3 of 3 pods ready\n" in shown
    assert (
        """
├── products, the cheapest first
│   ├── NVIDIA-L4 (0.8 an hour): 2 of 2 pods ready, 1 without a node
│   └── NVIDIA-A10G: 1 of 1 pods ready
"""
        in shown
    )
    w.body = changed(w.body, "status.products.1.message", "Its engine is being built.")
    assert "\n│       └── Its engine is being built.\n" in text(chain(w))
