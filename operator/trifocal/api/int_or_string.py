"""A string that may also be written as an integer, as Kubernetes' own quantities may: `cpu: 2`."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

INT_OR_STRING = "x-kubernetes-int-or-string"


@dataclass(frozen=True)
class _IntegerToo:
    """Annotation of a string type; it comes last, to act before the others."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Turn an integer into its digits."""
        return core_schema.no_info_before_validator_function(_digits, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say so to Kubernetes, which allows no type beside it."""
        found = handler(schema)
        return {**{key: found[key] for key in found if key != "type"}, INT_OR_STRING: True}


INTEGER_TOO = _IntegerToo()


def _digits(value: Any) -> Any:
    return str(value) if type(value) is int else value
