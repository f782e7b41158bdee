"""The ModelDeployment: its spec as one value, and the object as the operator sees it."""

from typing import Any

from pydantic import Field

from trifocal.api.location import Location
from trifocal.api.model import ModelSpec
from trifocal.api.optimization import OptimizationSpec
from trifocal.api.resources import Replicas
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

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.metadata.namespace, self.metadata.name
