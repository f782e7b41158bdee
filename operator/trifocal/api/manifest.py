"""From a manifest as JSON to a ModelDeployment, or to one sentence for each thing that is wrong.

The API server has checked the same rules before the operator sees an object, but an object can
be older than the rules, and on a laptop there is no API server.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trifocal.api.condition import Condition, ConditionType, Reason
from trifocal.api.crd import Schema, structural
from trifocal.api.modeldeployment import ModelDeployment, ModelDeploymentSpec, ObjectMeta
from trifocal.api.rule import ERROR_TYPE, Problem, broken_rules
from trifocal.api.schema import API_VERSION, KIND
from trifocal.api.status import ConditionStatusModel

Body = Mapping[str, Any]

KEPT_SPECS = 256
"""Parsed specs that are kept: one is parsed in each of the half dozen passes that follow a change.
Some 10 kB each, in a hundred objects that every full garbage collection looks at; at rest nobody
parses, so a cluster with more models needs no more of them."""

_NAME = "metadata.name"
"""What the rules on the whole object are about; CEL may look at nothing else in metadata."""


class InvalidSpec(ValueError):  # noqa: N818 - the name of the condition's reason
    """A manifest that cannot work; `problems` says what to change."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(str(problem) for problem in self.problems))


def parse(body: Body) -> ModelDeployment:
    """An object from the API server.

    Raises:
        InvalidSpec: The spec cannot work.
    """
    metadata, status = object_meta(body), body.get("status")
    return ModelDeployment.model_construct(
        metadata=metadata,
        spec=_spec(json.dumps(body.get("spec")), metadata.name),
        status=status if isinstance(status, dict) else {},
    )


def parse_file(body: Body) -> ModelDeployment:
    """A manifest that no API server has seen: the kind is checked and the namespace optional.

    Raises:
        InvalidSpec: It is no ModelDeployment, or its spec cannot work.
    """
    found = (body.get("apiVersion"), body.get("kind"))
    if found != (API_VERSION, KIND):
        words = f"This is {found[0]} {found[1]}; write apiVersion: {API_VERSION}, kind: {KIND}."
        raise InvalidSpec([Problem("kind", words)])
    metadata = {"namespace": "default", "uid": "", **(body.get("metadata") or {})}
    return parse({**body, "metadata": metadata})


def object_meta(body: Body) -> ObjectMeta:
    """The metadata that Trifocal reads; also of an object whose spec is wrong.

    Raises:
        InvalidSpec: There is no name.
    """
    metadata = body.get("metadata") or {}
    if not metadata.get("name"):
        raise InvalidSpec([Problem(_NAME, "The object has no name; give it one.")])
    return ObjectMeta(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        deleting="deletionTimestamp" in metadata,
    )


def stored_conditions(status: Any) -> tuple[Condition, ...]:
    """The conditions that are readable; what another version or a person wrote is left out."""
    stored = status.get("conditions") if isinstance(status, Mapping) else None
    if not isinstance(stored, list):
        return ()
    return tuple(condition for each in stored for condition in _condition(each))


def _condition(stored: Any) -> Iterable[Condition]:
    with suppress(ValidationError, ValueError):
        read = ConditionStatusModel.model_validate(stored)
        yield Condition(
            type=ConditionType(read.type),
            status=read.status,
            reason=Reason(read.reason),
            message=read.message,
            observed_generation=read.observed_generation,
            last_transition_time=read.last_transition_time,
        )


@lru_cache(maxsize=KEPT_SPECS)
def _spec(text: str, name: str) -> ModelDeploymentSpec:
    """The spec, with every rule kept, those on the object's name included.

    Read in JSON mode and strictly, as the API server takes types: "3" is no number there.
    """
    try:
        spec = ModelDeploymentSpec.model_validate_json(text, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InvalidSpec(_problem(each) for each in details if _is_cause(each, details)) from error
    # The rules may look at the name and at nothing else of metadata, as in the API server.
    whole = ModelDeployment.model_construct(
        metadata=ObjectMeta(name=name, namespace="", uid="", generation=1), spec=spec, status={}
    )
    if problems := tuple(broken_rules(whole, "")):
        raise InvalidSpec(
            Problem(each.path.removeprefix(".") or _NAME, each.message) for each in problems
        )
    return spec


def _is_cause(error: ErrorDetails, all_errors: Sequence[ErrorDetails]) -> bool:
    """Whether it is more than a consequence: a list whose items are wrong counts as empty."""
    if error["type"] == "default_factory_not_called":
        return False
    depth = len(error["loc"])
    below = (each["loc"] for each in all_errors if len(each["loc"]) > depth)
    return error["type"] != "too_short" or error["loc"] not in {path[:depth] for path in below}


def _problem(error: ErrorDetails) -> Problem:
    path = "spec" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]
    )
    written = json.dumps(error["input"])
    if error["type"] == ERROR_TYPE:
        return Problem(path, f"{written} {error['msg']}")
    if error["type"] == "missing":
        return Problem(path, "It is required; add it.")
    if error["type"] == "extra_forbidden":
        return Problem(path, f"There is no such field{_suggestion(error['loc'])}")
    if error["type"] in {"too_short", "too_long"}:
        return Problem(path, _wrong_length(error))
    # pydantic's words ("Input should be ...") lack what was written.
    return Problem(path, f"{written} {error['msg'].removeprefix('Input ')}.")


@cache
def _spec_schema() -> Schema:
    return structural(ModelDeploymentSpec.model_json_schema())


def _suggestion(location: tuple[int | str, ...]) -> str:
    """`; did you mean labels?` for a field whose name is nearly right, else a full stop."""
    schema = _spec_schema()
    for step in location[:-1]:
        schema = schema["items"] if isinstance(step, int) else schema["properties"][step]
    close = difflib.get_close_matches(str(location[-1]), schema["properties"], n=1)
    return f"; did you mean {close[0]}?" if close else "."


def _wrong_length(error: ErrorDetails) -> str:
    limits = error["ctx"]
    which, limit = (
        ("least", limits["min_length"])
        if error["type"] == "too_short"
        else ("most", limits["max_length"])
    )
    items = "item" if limit == 1 else "items"
    return f"There must be at {which} {limit} {items}, not {limits['actual_length']}."
