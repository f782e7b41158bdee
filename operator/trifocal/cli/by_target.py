"""Candidates as tables show them: target by target."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Candidate = TypeVar("Candidate")


def by_target(
    candidates: Iterable[Candidate], target_of: Callable[[Candidate], str]
) -> dict[str, list[Candidate]]:
    """Targets in the order in which they first occur, with their candidates as they were given."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(target_of(candidate), []).append(candidate)
    return groups
