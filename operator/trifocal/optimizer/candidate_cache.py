"""Networks, candidates and evidence that earlier optimizations left in the store.

    candidates/<key>/<file>         what was built
    candidates/<key>/entry.json     its digest, notes and figures; written last
    candidates/<key>/evidence.json  what the data said about it

A damaged or missing entry is a miss: the work is done again and written over it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trifocal.artifacts.digest import file_digest
from trifocal.artifacts.failure import WorkError
from trifocal.artifacts.store import CHUNK_BYTES, Store

MAX_ENTRY_BYTES = 16 << 20
"""Evidence on 50,000 images is some megabytes."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file with what is worth knowing about it."""

    path: Path
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class CandidateCache:
    """What one store keeps by key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str, target: Path) -> Entry | None:
        """Copy a cached file to `target`; None when there is none, or not the whole of it."""
        entry = self._json(f"candidates/{key}/entry.json")
        if entry is None:
            return None
        try:
            digest = self._copy(f"candidates/{key}/{entry['file']}", target)
            if digest != entry["sha256"]:
                target.unlink(missing_ok=True)
                return None
            return Entry(path=target, notes=tuple(entry["notes"]), facts=dict(entry["facts"]))
        except (KeyError, TypeError, WorkError):
            target.unlink(missing_ok=True)
            return None

    def keep(self, key: str, entry: Entry) -> None:
        """Write a file and then its entry.

        Raises:
            WorkError: StoreUnwritable or DiskFull.
        """
        name = f"model{entry.path.suffix}"
        self._store.write_file(f"candidates/{key}/{name}", entry.path)
        body = {
            "file": name,
            "sha256": file_digest(entry.path),
            "notes": list(entry.notes),
            "facts": dict(entry.facts),
        }
        self._store.write(f"candidates/{key}/entry.json", json.dumps(body, sort_keys=True).encode())

    def evidence(self, key: str) -> Mapping[str, Any] | None:
        """What an earlier run found, as JSON."""
        return self._json(f"candidates/{key}/evidence.json")

    def keep_evidence(self, key: str, evidence: Mapping[str, Any]) -> None:
        """Remember what was found.

        Raises:
            WorkError: StoreUnwritable or DiskFull.
        """
        content = json.dumps(evidence, sort_keys=True).encode()
        if len(content) <= MAX_ENTRY_BYTES:
            self._store.write(f"candidates/{key}/evidence.json", content)

    def _json(self, path: str) -> dict[str, Any] | None:
        try:
            content = self._store.read(path, MAX_ENTRY_BYTES)
            body = None if content is None else json.loads(content)
        except (ValueError, WorkError):
            return None
        return body if isinstance(body, dict) else None

    def _copy(self, path: str, target: Path) -> str:
        hasher = hashlib.sha256()
        with self._store.open(path) as stream, target.open("wb") as out:
            while chunk := stream.read(CHUNK_BYTES):
                hasher.update(chunk)
                out.write(chunk)
        return f"sha256:{hasher.hexdigest()}"
