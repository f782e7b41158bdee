"""What is to be done now: a pure function of the object, what was observed, and the time."""

from dataclasses import dataclass
from datetime import timedelta

from trifocal.reconcile.observed import Manifest


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A child to delete; the uid guards against a namesake made since it was read."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, kw_only=True)
class SmokeOrder:
    """Ask these pods for the recorded answers before the Service may switch to them."""

    revision: str
    pods: tuple[tuple[str, str], ...]
    """(uid, IP) of each ready pod that has not been checked."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One pass's work. Empty means that nothing differs from what is wanted."""

    apply: tuple[Manifest, ...] = ()
    """Manifests to server-side apply, in this order."""
    delete: tuple[Deletion, ...] = ()
    smoke: SmokeOrder | None = None
    progress_of: str | None = None
    """IP of the running optimization pod whose progress is worth reading."""
    wanted_revision: str | None = None
    look_again: timedelta | None = None
    """When to pass again without being woken; None means only when something changes."""
