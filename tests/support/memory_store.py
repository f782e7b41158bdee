"""An artifact store in memory that can be made to die after so many writes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class KilledError(BaseException):
    """Stands for SIGKILL: no handler on the way may catch it."""


class MemoryStore:
    """A Store. With `writes_left` set, the write after those is cut off before it appears."""

    def __init__(self, writes_left: int | None = None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.written: list[str] = []
        self.writes_left = writes_left

    def read(self, path: str, limit: int) -> bytes | None:
        content = self.blobs.get(path)
        assert content is None or len(content) <= limit
        return content

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.blobs[path])

    def size(self, path: str) -> int | None:
        return len(self.blobs[path]) if path in self.blobs else None

    def write(self, path: str, content: bytes) -> None:
        if self.writes_left == 0:
            raise KilledError
        if self.writes_left is not None:
            self.writes_left -= 1
        self.blobs[path] = content
        self.written.append(path)

    def write_file(self, path: str, source: Path) -> None:
        self.write(path, source.read_bytes())
