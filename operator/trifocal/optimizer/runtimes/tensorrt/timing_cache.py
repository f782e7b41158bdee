"""Keeps what the builder has measured, so that the next engine of the same place is built faster.

A cache is never a reason to fail: one that cannot be read, or that TensorRT finds to be of another
device or version, is as good as none.
"""

import contextlib
import os
from pathlib import Path

from trifocal.optimizer.runtimes.tensorrt.api import IBuilderConfig
from trifocal.optimizer.runtimes.tensorrt.place import Place


class TimingCache:
    """One file for each place."""

    def __init__(self, folder: Path, place: Place) -> None:
        self._path = folder / f"{place.timing_cache_key}.timing"

    def give(self, config: IBuilderConfig) -> None:
        """Let a build use what is known; nothing, where it does not fit."""
        for content in (self._read(), b""):
            cache = config.create_timing_cache(content)
            if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
                return

    def keep(self, config: IBuilderConfig) -> None:
        """Store what is known after a build."""
        cache = config.get_timing_cache()
        if cache is None:
            return
        fresh = self._path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(bytes(cache.serialize()))
            fresh.replace(self._path)

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""
