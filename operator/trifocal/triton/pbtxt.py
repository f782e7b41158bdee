"""A model configuration as config.pbtxt: the protobuf text of Triton's ModelConfig message. Pure.

Every value is written, zeros too: Triton tells `max_batch_size: 0` from an absent one.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from trifocal.triton.model_config import (
    LATENCY_FAMILY,
    MODEL_FILES,
    ModelConfig,
    TensorConfig,
    WarmUp,
)

_REJECT = "REJECT"
_INDENT = "  "


def to_pbtxt(config: ModelConfig) -> str:
    """The file's text; the same configuration gives the same text."""
    lines = [
        *_header(config),
        *(line for tensor in config.inputs for line in _block("input", _tensor(tensor))),
        *(line for tensor in config.outputs for line in _block("output", _tensor(tensor))),
        *_block("instance_group", [f"count: {config.instances}", f"kind: {config.instance_kind}"]),
        *_dynamic_batching(config),
        *(line for key, value in config.parameters.items() for line in _parameter(key, value)),
        *(line for warm_up in config.warm_ups for line in _warm_up(warm_up)),
        *_latency_buckets(config.latency_buckets),
    ]
    return "\n".join(lines) + "\n"


def _header(config: ModelConfig) -> list[str]:
    lines = [
        f"name: {_quoted(config.name)}",
        f"backend: {_quoted(config.backend)}",
        f"max_batch_size: {config.max_batch_size}",
    ]
    if config.backend in MODEL_FILES:
        lines.append(f"default_model_filename: {_quoted(MODEL_FILES[config.backend])}")
    return lines


def _tensor(tensor: TensorConfig) -> list[str]:
    return [
        f"name: {_quoted(tensor.name)}",
        f"data_type: TYPE_{tensor.triton_type}",
        f"dims: {_numbers(tensor.dims)}",
    ]


def _dynamic_batching(config: ModelConfig) -> list[str]:
    """A model without a batch dimension has no batcher, and then no queue timeout either."""
    if config.max_batch_size == 0:
        return []
    batching = config.batching
    lines = [f"max_queue_delay_microseconds: {batching.max_queue_delay_microseconds}"]
    if batching.queue_timeout_milliseconds is not None:
        policy = [
            f"timeout_action: {_REJECT}",
            f"default_timeout_microseconds: {batching.queue_timeout_milliseconds * 1000}",
        ]
        lines += _block("default_queue_policy", policy)
    return list(_block("dynamic_batching", lines))


def _parameter(key: str, value: str) -> Iterator[str]:
    text = [f"string_value: {_quoted(value)}"]
    return _block("parameters", [f"key: {_quoted(key)}", *_block("value", text)])


def _warm_up(warm_up: WarmUp) -> Iterator[str]:
    lines = [
        f"name: {_quoted(warm_up.name)}",
        f"batch_size: {warm_up.batch_size}",
        f"count: {warm_up.count}",
    ]
    for tensor in warm_up.inputs:
        value = [
            f"data_type: TYPE_{tensor.triton_type}",
            f"dims: {_numbers(tensor.dims)}",
            f"{_warm_up_data(tensor)}: true",
        ]
        lines += _block("inputs", [f"key: {_quoted(tensor.name)}", *_block("value", value)])
    return _block("model_warmup", lines)


def _warm_up_data(tensor: TensorConfig) -> str:
    """Zeros for integers: a random class or index may not exist, and the model would not load."""
    return "random_data" if tensor.triton_type.startswith("FP") else "zero_data"


def _latency_buckets(buckets: Sequence[float]) -> list[str]:
    if not buckets:
        return []
    control = [
        *_block("metric_identifier", [f"family: {_quoted(LATENCY_FAMILY)}"]),
        *_block("histogram_options", [f"buckets: {_numbers(buckets)}"]),
    ]
    return list(_block("model_metrics", _block("metric_control", control)))


def _block(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{name} {{"
    yield from (_INDENT + line for line in lines)
    yield "}"


def _numbers(values: Sequence[float]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def _quoted(text: str) -> str:
    """JSON's escapes of ASCII text are protobuf's as well."""
    return json.dumps(text)
