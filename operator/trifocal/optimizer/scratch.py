"""The Job's scratch volume: said to be full by the Job itself, before the kubelet evicts it.

The kubelet looks at volumes once in a while and kills the pod with a sentence about bytes; the
Job knows after each file, and which field to raise.
"""

from pathlib import Path

from trifocal.artifacts.filesystem import disk_full


def bytes_in(folder: Path) -> int:
    """Sum of the sizes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ensure_room(folder: Path, limit_bytes: int | None) -> None:
    """Refuse to go on when more is used than the volume may hold; no limit, no refusal.

    Raises:
        RefusedError: DiskFull, with what is used and what is allowed.
    """
    if limit_bytes is None:
        return
    used = bytes_in(folder)
    if used > limit_bytes:
        raise disk_full(f"the scratch volume: {used} bytes are used of {limit_bytes}")
