"""fp32: the source's graph after ONNX Runtime's portable optimizations."""

from pathlib import Path

from trifocal.optimizer.runtime import save_optimized


def build(source: Path, target: Path) -> None:
    """Write the optimized graph."""
    save_optimized(source, target)
