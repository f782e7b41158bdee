"""The harness proves itself: every seeded bug is caught by the oracle that is there for it.

`python -m tests.faults.catches [bug ...]` prints the table of docs/design/faults.md.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.faults.bugs import BUGS
from tests.faults.oracles import judge
from tests.faults.run import run
from tests.faults.scenarios import SCENARIOS
from tests.faults.session import Session, session
from tests.faults.steps import take
from tests.support.control_plane import ControlPlane, control_plane

Fresh = dict[str, Mapping[tuple[str, str], Any]]


def play(running_session: Session, scenario: str) -> dict[str, list[str]]:
    """A scenario and its verdict."""
    with run(running_session) as running:
        running.apply()
        for step in SCENARIOS[scenario]:
            take(running, step)
        return judge(running.finish())


def caught(plane: ControlPlane, name: str, fresh: Fresh) -> dict[str, list[str]]:
    """What the oracles say of an operator with this bug; `fresh` is the true one's work."""
    with session(plane, bug=name) as buggy:
        buggy.fresh = fresh
        return play(buggy, BUGS[name].needs)


def true_work(plane: ControlPlane, scenarios: Iterable[str]) -> tuple[Fresh, dict[str, object]]:
    """What the operator as it ships makes of each scenario's last spec, and what is said of it."""
    with session(plane) as true:
        wrong: dict[str, object] = {}
        for scenario in dict.fromkeys(scenarios):
            if said := play(true, scenario):
                wrong[scenario] = said
        return true.fresh, wrong


def table(wanted: Iterable[str]) -> Iterator[str]:
    """The lines of the table, one bug at a time."""
    chosen = list(wanted)
    with control_plane() as plane:
        fresh, wrong = true_work(plane, (BUGS[name].needs for name in chosen))
        yield f"Without a bug: {wrong or 'nothing is said of any scenario'}."
        yield "| bug | scenario | caught by | also |"
        yield "|---|---|---|---|"
        for name in chosen:
            bug = BUGS[name]
            said = caught(plane, name, fresh)
            found = f"`{bug.caught_by}`" if bug.caught_by in said else "**not caught**"
            also = ", ".join(f"`{o}`" for o in said if o != bug.caught_by)
            yield f"| {bug.what} | {bug.needs} | {found} | {also} |"


if __name__ == "__main__":
    for line in table(sys.argv[1:] or BUGS):
        print(line, flush=True)  # noqa: T201
