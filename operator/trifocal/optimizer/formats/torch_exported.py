"""Format torch-exported: interprets a program of torch.export by operators of a known kind.

Trust: see `exported_archive`. A call is carried out only if its target is an operator of
PyTorch's own aten library that takes neither file names nor foreign storage, or one of a few
functions on sizes. There is no lookup by dotted path, no generated code and no pickle.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.exported_archive import (
    WHAT,
    Call,
    Program,
    StoredTensor,
    read_program,
)
from trifocal.optimizer.formats.member_limits import refused
from trifocal.optimizer.formats.torch_network import TorchNetwork

_ATEN = re.compile(r"torch\.ops\.aten\.([A-Za-z]\w*|_[a-z]\w*)\.([A-Za-z]\w*)")
_FORBIDDEN_ARGUMENTS = frozenset({"filename", "file", "path"})
_FORBIDDEN_TYPES = ("Storage", "Stream", "__torch__")
_ON_SIZES: Mapping[str, Callable[..., Any]] = {
    **{
        f"_operator.{name}": getattr(operator, name)
        for name in (
            *("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "getitem"),
            *("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "not_"),
        )
    },
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.trunc": math.trunc,
    "torch.sym_float": torch.sym_float,
    "torch.sym_int": torch.sym_int,
    "torch.sym_ite": torch.sym_ite,
    "torch.sym_max": torch.sym_max,
    "torch.sym_min": torch.sym_min,
    "torch.sym_not": torch.sym_not,
}
"""What an exported program does with sizes."""
_DTYPES: Mapping[int, torch.dtype] = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""By the schema's ScalarType."""
_MEMORY_FORMATS: Mapping[int, torch.memory_format] = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}
_PLAIN = frozenset(
    {
        *("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string"),
        *("as_int_lists", "as_float_lists"),
    }
)
_SYMBOLIC = frozenset({"as_sym_int", "as_sym_float", "as_sym_bool"})

Values = dict[str, Any]
_Resolver = Callable[[Values], Any]


def open_program(path: Path, spec: ModelSpec) -> TorchNetwork:
    """The program as a network.

    Raises:
        RefusedError: ModelInvalid: damaged, pickled, or an operator that is not carried out;
            InputMismatch: it takes another shape.
    """
    program = read_program(path)
    _check_input(program, spec)
    network = _Interpreter(program, spec.output)
    return TorchNetwork(network, spec, fixed_batch=program.image_sizes[0])


def _check_input(program: Program, spec: ModelSpec) -> None:
    sizes, wanted = program.image_sizes, spec.inputs[0].shape
    if len(sizes) != len(wanted) + 1 or any(
        size not in {None, want} for size, want in zip(sizes[1:], wanted, strict=True)
    ):
        shown = [size or "?" for size in sizes]
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0].shape is {list(wanted)} after the batch, but the program was "
            f"exported for {shown}; change the spec, or export it for that input.",
        )


class _Interpreter(torch.nn.Module):
    """Carries out a program's calls one after the other."""

    def __init__(self, program: Program, wanted: str | None) -> None:
        super().__init__()
        self._buffer_names: dict[str, str] = {}
        for position, (name, stored) in enumerate(program.state.items()):
            self._buffer_names[name] = f"tensor{position}"
            self.register_buffer(f"tensor{position}", _tensor(name, stored))
        self._image = program.image
        self._steps = tuple(_Step(call) for call in program.calls)
        known = {*program.state, program.image}
        for step in self._steps:
            known.update(name for name in step.produces if name is not None)
        answer = wanted if wanted in program.answers else program.answers[0]
        if answer not in known:
            raise refused(WHAT, f"nothing computes its answer {answer!r:.60}")
        self._answer = answer

    @override
    def forward(self, image: torch.Tensor) -> Any:
        values: Values = {name: getattr(self, it) for name, it in self._buffer_names.items()}
        values[self._image] = image
        for step in self._steps:
            step.carry_out(values)
        return values[self._answer]


class _Step:
    """One call, resolved."""

    def __init__(self, call: Call) -> None:
        self._function = _function(call.target)
        positional = not isinstance(self._function, torch._ops.OpOverload)  # noqa: SLF001 - its only name
        self._positional = [
            _resolver(arg) for name, arg in call.arguments if positional or not name
        ]
        self._named = {
            name: _resolver(arg) for name, arg in call.arguments if name and not positional
        }
        self._is_list = [kind for it in call.results for kind in it] == ["as_tensors"]
        self.produces = _names(call)

    def carry_out(self, values: Values) -> None:
        result = self._function(
            *(it(values) for it in self._positional),
            **{name: it(values) for name, it in self._named.items()},
        )
        several = self._is_list or len(self.produces) > 1
        for name, value in zip(self.produces, result if several else [result], strict=False):
            if name is not None:
                values[name] = value


def _names(call: Call) -> list[str | None]:
    names: list[str | None] = []
    for result in call.results:
        kind, value = next(iter(result.items()))
        if kind == "as_tensors":
            names.extend(it["name"] for it in value)
        elif kind == "as_tensor":
            names.append(value["name"])
        elif kind in _SYMBOLIC:
            names.append(value["as_name"])
        else:
            names.append(None)
    return names


def _function(target: str) -> Callable[..., Any]:
    if target in _ON_SIZES:
        return _ON_SIZES[target]
    match = _ATEN.fullmatch(target)
    packet = getattr(torch.ops.aten, match[1], None) if match else None
    found = getattr(packet, match[2], None) if match and packet is not None else None
    if not isinstance(found, torch._ops.OpOverload) or _reaches_outside(found):  # noqa: SLF001 - its only name
        raise refused(
            WHAT,
            f"it calls '{target[:80]}', and only the arithmetic of torch.ops.aten is carried out; "
            f"call run_decompositions() on the exported program, or export the model to ONNX",
        )
    return found


def _reaches_outside(found: Any) -> bool:
    return any(
        argument.name in _FORBIDDEN_ARGUMENTS
        or any(word in str(argument.type) for word in _FORBIDDEN_TYPES)
        for argument in found._schema.arguments  # noqa: SLF001 - there is no public way
    )


def _resolver(argument: Mapping[str, Any]) -> _Resolver:
    """How an argument's value is had once the program runs."""
    kind, value = next(iter(argument.items()))
    if kind in _PLAIN:
        return partial(_constant, value)
    if kind == "as_tensor":
        return operator.itemgetter(value["name"])
    if kind in _SYMBOLIC:
        return _mixed(value)
    if kind in {"as_tensors", "as_optional_tensors", "as_sym_ints", "as_sym_floats"}:
        return partial(_list, [_mixed(it) for it in value])
    if kind == "as_optional_tensor":
        return _mixed(value)
    constants: Mapping[str, Callable[[Any], Any]] = {
        "as_none": lambda _: None,
        "as_scalar_type": _DTYPES.__getitem__,
        "as_memory_format": _MEMORY_FORMATS.__getitem__,
        "as_layout": lambda _: torch.strided,
        "as_device": lambda _: torch.device("cpu"),
    }
    if kind not in constants:
        raise refused(WHAT, f"it has an argument of kind {kind!r:.40}, which is not read")
    try:
        return partial(_constant, constants[kind](value))
    except KeyError as error:
        raise refused(WHAT, f"it has the element type or layout {value!r:.40}") from error


def _constant(value: Any, _: Values) -> Any:
    return value


def _list(items: list[_Resolver], values: Values) -> list[Any]:
    return [item(values) for item in items]


def _mixed(value: Mapping[str, Any]) -> _Resolver:
    """Of a union that is a name, a number or nothing."""
    if "name" in value:
        return operator.itemgetter(value["name"])
    kind, content = next(iter(value.items()))
    if kind == "as_name":
        return operator.itemgetter(content)
    if kind == "as_tensor":
        return operator.itemgetter(content["name"])
    return partial(_constant, None if kind == "as_none" else content)


def _tensor(name: str, stored: StoredTensor) -> torch.Tensor:
    dtype = _DTYPES.get(stored.dtype)
    if dtype is None:
        raise refused(WHAT, f"tensor '{name[:80]}' has the element type {stored.dtype}")
    if 0 in stored.sizes:
        return torch.zeros(stored.sizes, dtype=dtype)
    try:
        flat = torch.frombuffer(bytearray(stored.data), dtype=dtype)
        # PyTorch refuses to look beyond the storage.
        return flat.as_strided(stored.sizes, stored.strides, stored.offset).clone()
    except (RuntimeError, ValueError) as error:
        raise refused(WHAT, f"tensor '{name[:80]}' does not fit its bytes") from error
