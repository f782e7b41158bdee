"""Runs that are written down: where each write is a crash point, and what brings bugs out."""

from collections.abc import Mapping

from tests.faults.steps import Step, parse

_SCENARIOS: Mapping[str, str] = {
    "created": "rest",
    "changed": "rest; edit serving.instances=2",
    "recreated": "wait 3; recreate",
    "reverted": "edit replicas=2; rest; edit model.source.digest=OTHER; rest; revert; rest; "
    "scale 3",
    "drifted": "rest; drift budget; wait 1; drift policy",
    "gap": "rest; gap service",
    "name-taken": "rest; delete; rest; foreign; again; wait 2",
    "refused": "refuse 422; wait 1",
    "evicted": "outcome evicted; wait 4",
}

OTHER_DIGEST = '"sha256:' + 64 * "b" + '"'

SCENARIOS: Mapping[str, tuple[Step, ...]] = {
    name: parse(text.replace("OTHER", OTHER_DIGEST)) for name, text in _SCENARIOS.items()
}
"""What happens after the first apply."""

CRASH_SCENARIOS = ("created", "changed", "recreated")
"""Each write of these is a crash point."""

FAILED_ONCE: tuple[str, ...] = (
    # A list that is empty brings no event, so what had vanished was never swept.
    "rest; gap service; wait 1",
    # kopf hung in its exit when the answer to a watch was 410, and nothing was watched any more.
    "rest; expire-at-connect; drift policy; wait 1",
    # A predecessor's status was written to its namesake.
    (
        'edit model.source.claimName="nowhere"; refuse 422; recreate; release; recreate; '
        'edit model.source.claimName="nowhere"; lose-node'
    ),
)
"""Histories in which the operator was found wanting; they are run before any that are drawn."""
