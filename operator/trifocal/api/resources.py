"""CPU and memory of a container, as Kubernetes writes them."""

from typing import Annotated

from pydantic import Field

from trifocal.api.schema import ApiModel, Quantity


class ResourceList(ApiModel):
    """Amounts of CPU and memory."""

    cpu: Quantity | None = Field(default=None, description="CPU, for example 500m or 2.")
    memory: Quantity | None = Field(default=None, description="Memory, for example 1Gi.")


class ResourceRequirements(ApiModel):
    """Requests and limits of a container."""

    requests: ResourceList | None = Field(default=None, description="What is reserved.")
    limits: ResourceList | None = Field(default=None, description="What must not be exceeded.")


Replicas = Annotated[int, Field(ge=0, le=1000)]
"""A number of pods."""
