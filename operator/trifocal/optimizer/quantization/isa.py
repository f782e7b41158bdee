"""Whether this CPU multiplies 8-bit numbers without overflow."""

import platform
from pathlib import Path

VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "avx512vnni"})
X86 = frozenset({"x86_64", "AMD64", "i686"})


def needs_reduced_range(machine: str, cpuinfo: str) -> bool:
    """Whether U8S8 products would overflow: an x86 CPU without VNNI.

    AVX2's multiply-add sums two products in 16 bits, so weights are held to 7 bits there. ARM
    accumulates in 32 bits.
    """
    flags = {flag for line in cpuinfo.splitlines() if "flags" in line for flag in line.split()}
    return machine in X86 and not flags & VNNI_FLAGS


def needs_reduced_range_here() -> bool:
    """The same of the machine that this runs on, which serves as well: gates are judged here."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return needs_reduced_range(platform.machine(), text)
