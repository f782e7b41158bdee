"""The pydantic configuration shared by every model of the API, and its scalar types."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from typing_extensions import override

from trifocal.api.int_or_string import INTEGER_TOO
from trifocal.api.rule import VALIDATIONS, Rule, pattern_rule

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

    rules: ClassVar[tuple[Rule, ...]] = ()
    """What must hold between the fields."""

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Put the rules that the API server can check into the JSON schema."""
        found = handler(schema)
        validations = [rule.validation() for rule in cls.rules if rule.cel]
        if validations:
            handler.resolve_ref_schema(found)[VALIDATIONS] = validations
        return found


Sha256 = Annotated[
    str,
    Field(max_length=256),
    pattern_rule(
        "sha256:[0-9a-f]{64}",
        "must be sha256: and then the 64 lowercase hex digits that `sha256sum FILE` prints.",
    ),
]
"""A digest as `sha256sum` prints it, with its algorithm in front."""

DnsSubdomain = Annotated[
    str,
    Field(max_length=253),
    pattern_rule(
        "[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "must be the name of an object: lowercase letters, digits, '-' and '.', with a letter or "
        "digit at both ends.",
    ),
]
"""The name of a namespaced object that may hold dots, such as a Secret's."""

TensorName = Annotated[
    str,
    Field(max_length=128),
    pattern_rule(
        "[A-Za-z0-9_.:/-]+",
        "must be the name of a tensor in the model's graph, of letters, digits and _.:/- only.",
    ),
]
"""An input's or output's name in the model's graph."""

CpuQuantity = Annotated[
    str,
    Field(max_length=20),
    pattern_rule(
        r"[0-9]+(\.[0-9]+)?m?",
        "must be an amount of CPU: cores such as 2 or '0.5', or thousandths such as 500m.",
        of="string(self)",
    ),
    INTEGER_TOO,
]
"""Cores, as a Kubernetes quantity such as 500m or 2."""

ByteQuantity = Annotated[
    str,
    Field(max_length=20),
    pattern_rule(
        r"[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?",
        "must be a number of bytes such as 512Mi or 4Gi (units: k, M, G, T, Ki, Mi, Gi, Ti).",
        of="string(self)",
    ),
    INTEGER_TOO,
]
"""Bytes, as a Kubernetes quantity such as 1Gi. No thousandths: 500m would be half a byte."""
