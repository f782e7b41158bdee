"""The ModelDeployment: its spec as one value, and the object as the operator sees it."""

import re
from typing import Any, ClassVar

from pydantic import Field

from trifocal.api.gate import METRICS
from trifocal.api.location import Location
from trifocal.api.model import ModelSpec
from trifocal.api.names import MAX_NAME_LENGTH
from trifocal.api.optimization import OptimizationSpec
from trifocal.api.resources import Replicas
from trifocal.api.rule import Rule
from trifocal.api.scaling import ScalingSpec
from trifocal.api.schema import ApiModel, DnsSubdomain
from trifocal.api.serving import ServingSpec


class ModelDeploymentSpec(ApiModel):
    """What the user declares."""

    model: ModelSpec = Field(description="The trained model.")
    optimization: OptimizationSpec = Field(
        description="What to try, and what a candidate must prove."
    )
    artifacts: Location = Field(
        description=(
            "Folder where optimized models are kept (file:// on a claim, or s3://); serving pods "
            "read from it. Not http(s)."
        )
    )
    serving: ServingSpec = Field(default=ServingSpec(), description="How the model is served.")
    scaling: ScalingSpec | None = Field(
        default=None,
        description="Scale to an objective; unset means spec.replicas decides.",
    )
    replicas: Replicas = Field(
        default=1,
        description="Serving pods; `kubectl scale` writes it. Ignored while scaling is set.",
    )
    service_account_name: DnsSubdomain = Field(
        default="default",
        description="ServiceAccount of the Job and the serving pods; its token is not mounted.",
    )
    suspend: bool = Field(
        default=False,
        description="Stop acting on this object; what serves now goes on serving.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!self.artifacts.uri.startsWith('http')",
            holds=lambda it: not it.artifacts.uri.startswith("http"),
            says="Optimized models cannot be written to http(s); write file:///path with "
            "claimName, or s3://bucket/path.",
            at=".artifacts.uri",
        ),
        Rule(
            cel="!has(self.optimization.gate.accuracy.metric) || "
            "self.optimization.gate.accuracy.metric != 'top5' || size(self.model.labels) > 5",
            holds=lambda it: (
                it.optimization.gate.accuracy.metric != "top5" or len(it.model.labels) > 5  # noqa: PLR2004 - top five
            ),
            says="With 5 labels or fewer, every image is among the best 5; set metric to top1.",
            at=".optimization.gate.accuracy.metric",
        ),
        Rule(
            cel="!has(self.optimization.gate.accuracy.metric) || "
            "self.optimization.gate.accuracy.metric in (self.model.task == 'classification' ? "
            "['top1', 'top5'] : (self.model.task == 'detection' ? ['map', 'map50'] : ['miou']))",
            holds=lambda it: (
                it.optimization.gate.accuracy.metric in {None, *METRICS[it.model.task]}
            ),
            says="{optimization.gate.accuracy.metric} is no metric of task {model.task}: "
            "classification has top1 and top5, detection map and map50, segmentation miou. Change "
            "it, or leave it out.",
            at=".optimization.gate.accuracy.metric",
        ),
        Rule(
            cel="!self.optimization.targets.exists(t, t.runtime == 'tensorrt') || "
            "(has(self.serving.accelerator) && (has(self.serving.accelerator.product) || "
            "has(self.serving.accelerator.products)))",
            holds=lambda it: (
                all(target.runtime != "tensorrt" for target in it.optimization.targets)
                or (
                    it.serving.accelerator is not None
                    and bool(it.serving.accelerator.product or it.serving.accelerator.products)
                )
            ),
            says="A TensorRT engine is code for one GPU product; name the product that it is "
            "built on and served with, for example NVIDIA-L4.",
            at=".serving.accelerator.product",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="!has(self.scaling) || !has(self.optimization.gate.latency) || "
            "self.optimization.gate.latency.maxMilliseconds <= "
            "self.scaling.objective.latency.maxMilliseconds",
            holds=lambda it: (
                it.scaling is None
                or it.optimization.gate.latency is None
                or it.optimization.gate.latency.max_milliseconds
                <= it.scaling.objective.latency.max_milliseconds
            ),
            says="The gate lets a model pass that takes "
            "{optimization.gate.latency.maxMilliseconds} ms alone, and then no number of replicas "
            "can keep the objective of {scaling.objective.latency.maxMilliseconds} ms; make the "
            "gate at most the objective.",
            at=".optimization.gate.latency.maxMilliseconds",
        ),
        Rule(
            cel="!has(self.scaling) || double(self.serving.batching.maxQueueDelayMicroseconds) < "
            "self.scaling.objective.latency.maxMilliseconds * 1000.0",
            holds=lambda it: (
                it.scaling is None
                or it.serving.batching.max_queue_delay_microseconds
                < it.scaling.objective.latency.max_milliseconds * 1000
            ),
            says="Waiting {serving.batching.maxQueueDelayMicroseconds} microseconds to fill a "
            "batch already uses up the objective of "
            "{scaling.objective.latency.maxMilliseconds} ms; shorten the delay.",
            at=".serving.batching.maxQueueDelayMicroseconds",
        ),
    )


_NAME = "[a-z]([-a-z0-9]*[a-z0-9])?"
"""What a Service's name may be (RFC 1035)."""


class ObjectMeta(ApiModel):
    """The part of the metadata that Trifocal reads."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    deleting: bool = False


class ModelDeployment(ApiModel):
    """One ModelDeployment: metadata, spec, and the stored status as plain JSON."""

    metadata: ObjectMeta
    spec: ModelDeploymentSpec
    status: dict[str, Any] = Field(default_factory=dict)

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
            holds=lambda it: len(it.metadata.name) <= MAX_NAME_LENGTH,
            says=f"The name '{{metadata.name}}' is too long: the names of Jobs and pods are made "
            f"from it, which leaves {MAX_NAME_LENGTH} characters; shorten it.",
            only_at_creation=True,
        ),
        Rule(
            cel=f"self.metadata.name.matches(r'^({_NAME})$')",
            holds=lambda it: re.fullmatch(_NAME, it.metadata.name) is not None,
            says="The name '{metadata.name}' cannot be a Service's name, as it has to be; use "
            "lowercase letters, digits and '-', with a letter first and no '-' last.",
            only_at_creation=True,
        ),
    )

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.metadata.namespace, self.metadata.name
