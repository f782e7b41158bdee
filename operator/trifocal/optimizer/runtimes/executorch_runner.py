"""Runs ExecuTorch programs, and owns the size of ExecuTorch's pool of threads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import ModelRunError

_METHOD = "forward"
_OUT_OF_MEMORY = "0x21"
"""ExecuTorch's error code for a failed allocation."""


class _ThreadPool:
    """The one pool that all programs of the process share.

    Its size is set by replacing it. XNNPACK keeps a pointer to the pool that a program was loaded
    with, so a program must be loaded again once the pool is another: hence the generation.
    """

    def __init__(self) -> None:
        self._generation = 0

    def sized(self, threads: int) -> int:
        """The generation of a pool of so many threads, which is the pool from now on."""
        if portable_lib._threadpool_get_thread_count() != threads:  # noqa: SLF001 - no other way
            portable_lib._unsafe_reset_threadpool(threads)  # noqa: SLF001 - no other way
            self._generation += 1
        return self._generation


_POOL = _ThreadPool()


class ExecuTorchRunner:
    """One .pte file, loaded.

    `threads` is the size of ExecuTorch's own pool, in which XNNPACK computes: the calling thread
    is one of them. `torch.set_num_threads` has no say in it. Operators that XNNPACK does not take
    run in the calling thread alone.
    """

    def __init__(self, path: Path, threads: int) -> None:
        """Load a file.

        Raises:
            ModelRunError: It is no program that this ExecuTorch can run.
        """
        self._program = path.read_bytes()
        self._threads = threads
        self._load()

    def _load(self) -> None:
        self._generation = _POOL.sized(self._threads)
        with _translated():
            program = Runtime.get().load_program(self._program)
            if _METHOD not in program.method_names:
                raise ModelRunError(f"it has no method '{_METHOD}'")
            self._method = program.load_method(_METHOD)
            self._shape = tuple(self._method.metadata.input_tensor_meta(0).sizes())

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...]; images go through in groups of the program's batch size."""
        if batch.shape[1:] != self._shape[1:] or not len(batch):
            raise ModelRunError(
                f"it takes images of shape {list(self._shape[1:])} and was given an array of "
                f"shape {list(batch.shape)}"
            )
        if _POOL.sized(self._threads) != self._generation:
            self._load()
        size = self._shape[0]
        with _translated():
            answers = [self._answer(batch[i : i + size]) for i in range(0, len(batch), size)]
        return np.concatenate(answers)

    def _answer(self, images: NDArray[Any]) -> NDArray[Any]:
        missing = self._shape[0] - len(images)
        padded = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        # A copy in row-major order: ExecuTorch refuses the odd strides that numpy gives to
        # dimensions of size one.
        tensor = torch.from_numpy(padded).clone(memory_format=torch.contiguous_format)
        outputs: Sequence[torch.Tensor] = self._method.execute([tensor])
        return np.asarray(outputs[0].numpy()[: len(images)])


def missing_operators(names: frozenset[str]) -> tuple[str, ...]:
    """Those for which this runtime has no kernel; names such as aten::view_copy.out."""
    return tuple(sorted(names - Runtime.get().operator_registry.operator_names))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        text = str(error).strip()
        if _OUT_OF_MEMORY in text:
            raise MemoryError(text) from error
        raise ModelRunError(text.splitlines()[0][:300] if text else "unknown error") from error
