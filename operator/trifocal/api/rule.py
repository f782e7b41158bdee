"""A rule of the API, told once: as CEL for the API server, as Python for a laptop, in one sentence.

A rule on a scalar is an annotation of its type and is checked when pydantic parses it. A rule
between fields is an element of its model's `rules` and is checked by `broken_rules`. Both end in
the CRD as `x-kubernetes-validations`, so `kubectl apply` and `trifocal optimize -f` refuse the
same manifests with the same words.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import override

VALIDATIONS = "x-kubernetes-validations"
VALIDATION_KEYS = (
    *("rule", "message", "messageExpression", "fieldPath", "reason"),
    "optionalOldSelf",
)
ERROR_TYPE = "rule"
"""Type of the pydantic error that a broken scalar rule raises."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9.\[\]]*)\}")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What must hold, and what to say when it does not."""

    cel: str
    """True when the rule holds; `self` is the scalar or the object. Empty: the API server cannot
    check it, because CEL's cost budget or the schema's own means do not allow it."""
    holds: Callable[[Any], bool]
    """The same on the parsed value."""
    says: str
    """Between fields: a sentence with what is wrong and what to change, in which `{minReplicas}`
    stands for that field's value, as a path from `self`. On a scalar: how that sentence ends,
    from "must" on; the value before it is the API server's and `manifest`'s to write."""
    at: str = ""
    """The field to blame, as a path from the object: `.claimName`. Empty: the object."""
    reason: Literal["FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden"] = (
        "FieldValueInvalid"
    )
    only_at_creation: bool = False
    """For what can never change, so that a rule about the whole object, which every update
    touches, does not lock the objects that are older than it."""

    def validation(self) -> dict[str, Any]:
        """The rule as an element of x-kubernetes-validations."""
        entry: dict[str, Any] = {"rule": self.cel}
        if self.only_at_creation:
            entry = {"rule": f"oldSelf.hasValue() || {self.cel}", "optionalOldSelf": True}
        if _PLACEHOLDER.search(self.says):
            entry["messageExpression"] = _message_expression(self.says)
        else:
            entry["message"] = self.says
        if self.at:
            entry["fieldPath"] = self.at
        if self.reason != "FieldValueInvalid":
            entry["reason"] = self.reason
        return entry

    def sentence(self, value: Any) -> str:
        """What it says about a value in JSON form."""
        return _PLACEHOLDER.sub(lambda match: _text(_lookup(value, match[1])), self.says)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the rule after the type, as an annotation of a scalar type."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Put the rule into the JSON schema of the scalar."""
        found = handler(schema)
        if not self.cel:
            return found
        return {**found, VALIDATIONS: [self.validation(), *found.get(VALIDATIONS, ())]}

    def _checked(self, value: Any) -> Any:
        if not self.holds(value):
            raise PydanticCustomError(ERROR_TYPE, "{says}", {"says": self.says})
        return value


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a manifest."""

    path: str
    """Where, for example spec.model.source."""
    message: str

    @override
    def __str__(self) -> str:
        """As one line."""
        return f"{self.path}: {self.message}"


def pattern_rule(pattern: str, says: str, *, of: str = "self") -> Rule:
    """A string must match this whole regular expression, in the syntax of RE2 and Python alike.

    `of` is the string in CEL, where the value is not one itself.
    """
    compiled = re.compile(pattern)
    return Rule(
        cel=f"{of}.matches(r'^({pattern})$')",
        holds=lambda text: compiled.fullmatch(text) is not None,
        says=says,
    )


def broken_rules(model: BaseModel, path: str) -> Iterator[Problem]:
    """Every rule between fields that does not hold in this model or below it."""
    for rule in getattr(model, "rules", ()):
        if not rule.holds(model):
            value = model.model_dump(mode="json", by_alias=True)
            yield Problem(path + rule.at, rule.sentence(value))
    for name, field in type(model).model_fields.items():
        yield from _broken_below(getattr(model, name), f"{path}.{field.alias or name}")


def _broken_below(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, BaseModel):
        yield from broken_rules(value, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _broken_below(item, f"{path}[{index}]")


def _message_expression(says: str) -> str:
    """`a {x} b` -> `"a %s b".format([self.x])`.

    Not `+`: CEL cannot bound the length of string(number), and so refuses the sum as too costly.
    JSON's strings are CEL's, too.
    """
    template = _PLACEHOLDER.sub("%s", says.replace("%", "%%"))
    values = ", ".join(f"self.{path}" for path in _PLACEHOLDER.findall(says))
    return f"{json.dumps(template)}.format([{values}])"


def _lookup(value: Any, path: str) -> Any:
    for step in _STEP.findall(path):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def _text(value: Any) -> str:
    """As CEL's string() writes it: 95.0 is 95."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
