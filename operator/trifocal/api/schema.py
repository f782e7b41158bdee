"""The pydantic configuration shared by every model of the API, and its scalar types."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "trifocal.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"


class ApiModel(BaseModel):
    """A part of the ModelDeployment: immutable, camelCase on the wire, unknown fields refused.

    The API server prunes unknown fields before the operator sees them; refusing them here
    protects the laptop path (`trifocal optimize -f`), where no server has checked the file.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
"""A digest as `sha256sum` prints it, with its algorithm in front."""

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
"""The name of a namespaced object that must be a DNS label."""

DnsSubdomain = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
"""The name of a namespaced object that may hold dots, such as a Secret's."""

TensorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]+$", max_length=128)]
"""An input's or output's name in the model's graph."""

Quantity = Annotated[
    str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20)
]
"""A Kubernetes quantity such as 500m, 2 or 1Gi."""
