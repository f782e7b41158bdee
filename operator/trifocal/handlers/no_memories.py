"""kopf's record of each object that it has seen, which is not kept: no handler has a past."""

from typing import Any

from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory
from typing_extensions import override


class NoMemories(ResourceMemories):
    """Nothing is remembered of an object.

    kopf keeps what handlers, daemons and indices may need of each object until that is deleted: ten
    small objects for each, more than our cache needs for the object itself. Handlers that only pass
    an event on need none. No public name leads to this type, though kopf.operator takes one.
    """

    @override
    async def recall(self, *args: Any, **options: Any) -> ResourceMemory:
        """A new memory each time."""
        return await super().recall(*args, **{**options, "ephemeral": True})
