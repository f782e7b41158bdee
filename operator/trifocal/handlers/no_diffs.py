"""kopf's record of what objects were like before, which is not kept: only the present matters."""

from collections.abc import Iterable

import kopf
from typing_extensions import override


class NoDiffs(kopf.DiffBaseStorage):
    """No past, and nothing to compare with it.

    kopf copies every object of every event to find out what has changed, though only event
    handlers are registered: more than half of what it spends on an event.
    """

    @override
    def build(
        self,
        *,
        body: kopf.Body,
        extra_fields: Iterable[kopf.FieldSpec] | None = None,
    ) -> kopf.BodyEssence:
        """Of an object nothing is essential."""
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> None:
        """There is no past."""

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is written to a user's object."""
