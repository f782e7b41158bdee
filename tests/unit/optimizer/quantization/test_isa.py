"""Which CPUs would overflow."""

import pytest

from trifocal.optimizer.quantization.isa import needs_reduced_range


@pytest.mark.parametrize(
    ("machine", "flags", "reduced"),
    [
        ("x86_64", "flags : fpu avx2", True),  # AWS c6a, for example
        ("x86_64", "flags : fpu avx512f avx512_vnni", False),
        ("x86_64", "flags : fpu avx2 avx_vnni", False),
        ("x86_64", "", True),
        ("aarch64", "Features : fp asimd", False),
    ],
)
def test_weights_lose_a_bit_only_where_sums_would_overflow(
    machine: str, flags: str, reduced: bool
) -> None:
    assert needs_reduced_range(machine, flags) is reduced
