"""How far the optimization Job is: asked from its pod, believed only if it has the right form."""

import aiohttp
from pydantic import ValidationError

from trifocal.optimizer.contract import PROGRESS_PORT, Progress

TIMEOUT = aiohttp.ClientTimeout(total=1)
"""The pod is one hop away; a pass must not wait for a busy Job."""
MAX_BYTES = 4096
"""A step of 200 characters and a number; more is not our Job."""


async def read_progress(
    session: aiohttp.ClientSession, address: str, *, port: int = PROGRESS_PORT
) -> Progress | None:
    """The Job's progress; None when the pod at that IP gives no valid answer in a second."""
    host = f"[{address}]" if ":" in address else address
    try:
        async with session.get(
            f"http://{host}:{port}/progress", timeout=TIMEOUT, allow_redirects=False
        ) as response:
            body = await response.content.read(MAX_BYTES + 1)
            if not response.ok or len(body) > MAX_BYTES:
                return None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    try:
        return Progress.model_validate_json(body)
    except ValidationError:
        return None
