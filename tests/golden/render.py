"""Every child of a ModelDeployment as YAML: what the golden files hold.

`python -m tests.golden.render` writes them anew; the diff is then for a reviewer to judge.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from trifocal.api.manifest import parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult, RecordedValue, Smoke, Tensor
from trifocal.reconcile import engines
from trifocal.resources import (
    disruption,
    headroom,
    network,
    optimization_job,
    products,
    revision,
    service,
)
from trifocal.settings import Settings
from trifocal.triton.images import resolve_image

FOLDER = Path(__file__).parent
INPUTS = sorted((FOLDER / "input").glob("*.yaml"))
SETTINGS = Settings(
    namespace="trifocal-system",
    operator_image="ghcr.io/trifocal/operator:0.1.0",
    optimizer_image="ghcr.io/trifocal/optimizer:0.1.0",
    optimizer_extended_image="ghcr.io/trifocal/optimizer-extended:0.1.0",
    optimizer_tensorrt_image="registry.example.com/optimizer-tensorrt:0.1.0",
)


def load(path: Path) -> ModelDeployment:
    return parse(yaml.safe_load(path.read_text()))


def result_of(md: ModelDeployment) -> OptimizationResult:
    """A finished optimization whose model takes the declared input."""
    declared = md.spec.model.inputs[0]
    return OptimizationResult(
        request=optimization_job.build_request(md, SETTINGS).digest(),
        artifact="sha256:" + 64 * "f",
        chosen="fp32",
        inputs=(Tensor(name=declared.name, dtype="float32", shape=(-1, *declared.shape)),),
        outputs=(Tensor(name="scores", dtype="float32", shape=(-1, len(md.spec.model.labels))),),
        smoke=Smoke(seed=7, values=(RecordedValue(index=0, value=0.25),), tolerance=1e-4),
    )


def children(md: ModelDeployment) -> Iterator[dict[str, Any]]:
    """All of them, as after a finished optimization."""
    result = result_of(md)
    image = resolve_image(md.spec.serving.triton, SETTINGS, md.spec.optimization.served.runtime)
    hashed = engines.wanted_hash(md, result, image, SETTINGS)
    yield network.optimization_network_policy(md, SETTINGS)
    yield network.serving_network_policy(md, SETTINGS)
    for _, view in products.optimized_for(md):
        request = optimization_job.build_request(view, SETTINGS)
        yield optimization_job.request_config_map(view, request)
        yield optimization_job.optimization_job(view, request, SETTINGS)
        yield optimization_job.result_config_map(view, request.digest(), result_of(view))
    yield revision.revision_config_map(md, hashed, result, image)
    whole = revision.revision_deployment(md, hashed, result, image, SETTINGS, 2)
    deployments = [products.on_product(whole, each, 2) for each in products.products_of(md)]
    yield from deployments
    yield service.service(md, hashed)
    yield disruption.pod_disruption_budget(md)
    if kept := md.spec.serving.headroom:
        yield headroom.headroom_deployment(md, deployments[0], kept.replicas, SETTINGS)


class _Dumper(yaml.SafeDumper):
    """Files as block scalars, and no anchors: a golden file is read by people."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def render(path: Path) -> str:
    return yaml.dump_all(
        children(load(path)), Dumper=_Dumper, explicit_start=True, sort_keys=True, width=1000
    )


def output_of(path: Path) -> Path:
    return FOLDER / "output" / path.name


if __name__ == "__main__":
    for each in INPUTS:
        output_of(each).write_text(render(each))
