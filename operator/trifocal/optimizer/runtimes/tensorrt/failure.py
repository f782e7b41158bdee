"""Why TensorRT gave no engine, as a sentence, from what it logged. Pure.

A build that runs out of GPU memory often says "Could not find any implementation for node", as if
the operator were not supported (NVIDIA/TensorRT issues 477, 2643, 4258 and 4360).
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from trifocal.optimizer.runtimes.tensorrt.messages import Messages

_OUT_OF_MEMORY = (
    "outofmemory",
    "out of memory",
    "could not be allocated",
    "insufficient memory",
    "insuficient memory",  # as TensorRT 8 spelled it
    "memory is insufficient",
)
_NO_KERNEL = re.compile(
    r"could not find any implementation for node\s+(.+?)(?:\.\)|\. In \w+ at |, try |\.?\)?$)",
    re.IGNORECASE,
)
"""The name ends as three generations of TensorRT end the sentence."""
_NO_DRIVER = re.compile(r"(?:cudaError |initialization failure with error: )(35|100)\b")
"""CUDA's cudaErrorInsufficientDriver, also where there is none at all, and cudaErrorNoDevice."""
_QUOTED = 300
"""Characters of TensorRT's own words."""
_GIB = 1 << 30


def ran_out_of_memory(messages: Messages) -> bool:
    """Whether less workspace may help a build that has failed."""
    return _lacked_memory(messages) or _without_kernel(messages.errors) is not None


def skipped_kernels(messages: Messages) -> int:
    """Kernels that were not tried for want of memory."""
    return sum(
        "skipping tactic" in text.lower() and _says_memory(text) for text in messages.warnings
    )


def why_no_engine(messages: Messages, workspaces: Sequence[int]) -> str:
    """What happened and what to change.

    Args:
        messages: Of the last attempt.
        workspaces: Bytes that each attempt might use at most.
    """
    # Where engines are built without a GPU, CUDA's complaints surround every other error.
    errors = [text for text in messages.errors if not _NO_DRIVER.search(text)]
    if not errors and (absent := why_no_gpu(messages.errors)):
        return absent
    tried = " and again with ".join(f"{size / _GIB:.3g} GiB" for size in workspaces)
    node = _without_kernel(errors)
    if _lacked_memory(messages):
        where = f" at node {node}" if node else ""
        return (
            f"the GPU's memory ran out{where} while TensorRT tried kernels with a workspace of "
            f"{tried}; let the build have the GPU to itself, lower "
            "spec.serving.batching.maxBatchSize, or choose a GPU with more memory"
        )
    if node:
        return (
            f"TensorRT found no kernel for node {node} with a workspace of {tried}; it says so "
            "when memory runs out, and where a layer cannot run in this precision: let the build "
            "have the GPU to itself, or leave this precision out of spec.optimization.precisions"
        )
    return f"TensorRT gave no engine, and says: {quoted(errors)}"


def why_no_gpu(errors: Iterable[str]) -> str | None:
    """A sentence where there is no usable driver or no GPU."""
    found = next(filter(None, map(_NO_DRIVER.search, errors)), None)
    if found is None:
        return None
    what = "no GPU is visible" if found[1] == "100" else "the NVIDIA driver is missing or too old"
    return (
        f"TensorRT needs a GPU, and {what} here (CUDA error {found[1]}); run the Job on a node "
        "with the GPU that spec.serving.accelerator.product names"
    )


def quoted(errors: Sequence[str]) -> str:
    """The first error on one line: later ones are mostly its consequences."""
    text = " ".join(errors[0].split()) if errors else "nothing"
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]} ..."


def _lacked_memory(messages: Messages) -> bool:
    return any(map(_says_memory, chain(messages.errors, messages.warnings)))


def _says_memory(text: str) -> bool:
    lower = text.lower()
    return any(sign in lower for sign in _OUT_OF_MEMORY)


def _without_kernel(errors: Iterable[str]) -> str | None:
    found = (_NO_KERNEL.search(text) for text in errors)
    return next((match[1] for match in found if match), None)
