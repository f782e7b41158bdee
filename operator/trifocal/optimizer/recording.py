"""Records the answers that a serving pod must give before traffic reaches it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.contract import RecordedValue, Smoke, Tensor
from trifocal.optimizer.runtimes.backend import Runner
from trifocal.triton.smoke_input import smoke_input

SEED = 1
MAX_VALUES = 16
"""As many as the contract carries."""
MIN_TOLERANCE = 1e-3
RELATIVE_TOLERANCE = 0.02
"""Share of the range of answers by which CPU generations may differ: int8 kernels with and
without VNNI round sums differently. A wrong model or a wrong input is off by far more."""


def record_smoke(runner: Runner, inputs: Sequence[Tensor]) -> Smoke:
    """Up to 16 values at evenly spaced flat indices of the answer to the seed's input."""
    batch = smoke_input(SEED, inputs)[inputs[0].name]
    answer = runner.run(batch).astype(np.float64).ravel()
    indices = sample_indices(len(answer))
    return Smoke(
        seed=SEED,
        values=tuple(RecordedValue(index=i, value=float(f"{answer[i]:.7g}")) for i in indices),
        tolerance=float(f"{_tolerance(answer):.4g}"),
    )


def sample_indices(length: int) -> tuple[int, ...]:
    """Evenly spaced indices, the first included."""
    count = min(length, MAX_VALUES)
    return tuple(position * length // count for position in range(count))


def _tolerance(answer: NDArray[Any]) -> float:
    spread = float(answer.max() - answer.min())
    return max(MIN_TOLERANCE, RELATIVE_TOLERANCE * spread)
