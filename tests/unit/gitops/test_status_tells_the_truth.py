"""Flux, Helm, kpt (by kstatus) and Argo CD (by our Lua) read the truth from every status.

`Life` drives the in-memory cluster and compares after each step: whatever the truth is, told from
the pods and the Jobs, both readers must arrive at what `READ_AS` says.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.argocd import Health, health_check
from tests.support.kstatus import KStatus, compute
from tests.support.manifests import changed, digest
from tests.support.truth import (
    BAD_SOURCE,
    MEMORY,
    Truth,
    behaviour,
    is_unseen,
    optimizer,
    truth,
)
from tests.support.world import World, world
from trifocal.api.crd import crd
from trifocal.api.manifest import InvalidSpec, parse
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile.status import invalid_status

CUSTOMIZATIONS = Path(__file__).parents[3] / "gitops/argocd/resource_customizations"
CHECK = health_check(CUSTOMIZATIONS / "trifocal.dev/ModelDeployment/health.lua")
UNWRITTEN = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"][
    "default"
]
"""What the API server shows as status before there is one."""

READ_AS: Mapping[Truth, tuple[KStatus, Health]] = {
    Truth.UNSEEN: (KStatus.IN_PROGRESS, Health.PROGRESSING),
    Truth.ANSWERS: (KStatus.CURRENT, Health.HEALTHY),
    Truth.RESTS: (KStatus.CURRENT, Health.HEALTHY),
    Truth.ON_ITS_WAY: (KStatus.IN_PROGRESS, Health.PROGRESSING),
    Truth.MUST_ACT: (KStatus.FAILED, Health.DEGRADED),
    Truth.HELD: (KStatus.FAILED, Health.SUSPENDED),
    Truth.HELD_DONE: (KStatus.CURRENT, Health.SUSPENDED),
    Truth.LEAVING: (KStatus.TERMINATING, Health.PROGRESSING),
}


GPU = {"accelerator": {"resource": "nvidia.com/gpu"}}
SCALING = {
    "minReplicas": 0,
    "maxReplicas": 4,
    "objective": {"latency": {"maxMilliseconds": 50}},
    "wakeUp": {"idleSeconds": 30, "prometheus": {"query": "sum(waiting)"}},
}


class Life:
    """A ModelDeployment's life; every step is compared, and `story` keeps what kstatus read."""

    def __init__(self, spec: Mapping[str, Any] | None = None, **rest: Any) -> None:
        self.world: World = world(optimizer, behaviour=behaviour, **rest)
        self.world.edit(lambda b: {**b, "spec": {**b["spec"], **(spec or {})}})
        self.world.body |= {"status": UNWRITTEN}
        self.invalid: InvalidSpec | None = None
        self.story: list[str] = []
        self.compare()

    def edit(self, path: str, value: Any) -> None:
        self.world.edit(lambda b: changed(b, path, value))
        self.invalid = None
        try:
            parse(self.world.body)
        except InvalidSpec as invalid:
            self.invalid = invalid
        self.readers_agree()

    def delete(self) -> None:
        now = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
        self.world.body = changed(self.world.body, "metadata.deletionTimestamp", now)
        self.compare()

    def passes(self, times: int = 12, *, crash_before_write: int | None = None) -> None:
        """Passes of the operator with the cluster at work between them."""
        for _ in range(times):
            self.look(crash_before_write=crash_before_write)
            self.world.tick()
            self.readers_agree()

    def look(self, *, crash_before_write: int | None = None) -> None:
        """One pass; a killed one writes no status, so nothing but agreement is due then."""
        if self.invalid is not None:
            said = invalid_status(self.world.body, self.invalid.problems, self.world.now)
            self.world.body |= {"status": said}
            self.compare()
            return
        self.world.reconcile(crash_before_write=crash_before_write)
        if crash_before_write is None:
            self.compare()
        else:
            self.readers_agree()

    def compare(self) -> None:
        is_so = truth(self.world, is_valid=self.invalid is None)
        read = compute(self.world.body)
        self.tell(read.status)
        assert (read.status, CHECK(self.world.body).status) == READ_AS[is_so], (
            is_so,
            read,
            self.world.body.get("status", {}).get("conditions"),
        )

    def readers_agree(self) -> None:
        """Between passes the status may be behind the cluster, but never behind the spec."""
        read, shown = compute(self.world.body).status, CHECK(self.world.body).status
        assert (read, shown) in READ_AS.values()
        if is_unseen(self.world.body):
            self.compare()

    def tell(self, status: KStatus) -> None:
        if self.story[-1:] != [status]:
            self.story.append(status)


def served(spec: Mapping[str, Any] | None = None, **rest: Any) -> Life:
    """It answers; the story begins here."""
    life = Life(spec, **rest)
    life.passes(8)
    assert truth(life.world) is Truth.ANSWERS
    life.story = ["Current"]
    return life


def memory(life: Life, limit: str) -> None:
    life.edit("spec.serving.resources", {"limits": {"memory": limit}})


def first_deployment() -> Life:
    life = Life()
    life.passes()
    return life


def model_change() -> Life:
    life = served()
    life.edit("spec.model.source.digest", digest("b"))
    life.passes()
    return life


def failed_optimization_and_its_repair() -> Life:
    life = served()
    life.edit("spec.model.source.digest", digest(BAD_SOURCE))
    life.passes()
    life.edit("spec.model.source.digest", digest("a"))
    life.passes()
    return life


def bad_spec_older_than_its_rule() -> Life:
    life = served()
    life.edit("spec.model.source.uri", "ftp://models/digits.onnx")
    life.passes(3)
    life.edit("spec.model.source.uri", "file:///models/digits.onnx")
    life.passes()
    return life


def new_revision_that_answers_differently() -> Life:
    return bad_revision_and_its_repair("3Gi")


def new_revision_that_crashes() -> Life:
    return bad_revision_and_its_repair("4Gi")


def bad_revision_and_its_repair(limit: str) -> Life:
    life = served()
    memory(life, limit)
    life.passes()
    memory(life, "2Gi")
    life.passes()
    return life


def crash_after_making_room() -> Life:
    life = served({"serving": GPU}, gpus=1)
    memory(life, "4Gi")
    life.passes(40)
    return life


def waiting_for_a_gpu() -> Life:
    life = Life({"serving": GPU}, gpus=0)
    life.passes(10)
    life.world.gpus = 1
    life.passes(8)
    return life


def scaled_to_zero_and_back() -> Life:
    life = served()
    life.edit("spec.replicas", 0)
    life.passes()
    life.edit("spec.replicas", 2)
    life.passes()
    return life


def decide(life: Life, replicas: int, reason: ScaleReason) -> None:
    now = life.world.now
    life.world.decision = ScaleDecision(
        replicas=replicas, reason=reason, message=f"{reason}.", decided_at=now
    )


def left_without_pods_and_woken() -> Life:
    life = served({"scaling": SCALING})
    life.passes(8)
    decide(life, 0, ScaleReason.SCALED_TO_ZERO)
    life.passes(10)
    decide(life, 1, ScaleReason.WAKING)
    life.passes(10)
    return life


def suspended_on_its_way_and_resumed() -> Life:
    life = Life()
    life.passes(2)
    life.edit("spec.suspend", value=True)
    life.passes(4)
    life.edit("spec.suspend", value=False)
    life.passes()
    return life


def suspended_while_it_answers() -> Life:
    life = served()
    life.edit("spec.suspend", value=True)
    life.passes(4)
    life.edit("spec.model.source.digest", digest("b"))
    life.passes(4)
    return life


def deleted() -> Life:
    life = served()
    life.delete()
    return life


def operator_killed_at_each_write() -> Life:
    life = served()
    memory(life, "2Gi")
    for write in range(4):
        life.passes(1, crash_before_write=write)
    life.passes()
    return life


STORIES: Mapping[Callable[[], Life], str] = {
    first_deployment: "InProgress Current",
    model_change: "Current InProgress Current",
    failed_optimization_and_its_repair: "Current InProgress Failed InProgress Current",
    bad_spec_older_than_its_rule: "Current InProgress Failed InProgress Current",
    new_revision_that_answers_differently: "Current InProgress Failed InProgress Current",
    new_revision_that_crashes: "Current InProgress Current",
    crash_after_making_room: "Current InProgress Failed",
    waiting_for_a_gpu: "InProgress Current",
    scaled_to_zero_and_back: "Current InProgress Current InProgress Current",
    left_without_pods_and_woken: "Current InProgress Current",
    suspended_on_its_way_and_resumed: "InProgress Failed InProgress Current",
    suspended_while_it_answers: "Current InProgress Current InProgress Failed",
    deleted: "Current Terminating",
    operator_killed_at_each_write: "Current InProgress Current",
}
"""Each scenario, and what kstatus makes of its statuses one after another."""


@pytest.mark.parametrize("scenario", STORIES, ids=lambda scenario: scenario.__name__)
def test_both_read_the_truth_at_each_step(scenario: Callable[[], Life]) -> None:
    assert " ".join(scenario().story) == STORIES[scenario]


Action = Callable[[Life], object]
ACTIONS = st.one_of(
    st.builds(
        lambda letter: lambda life: life.edit("spec.model.source.digest", digest(letter)),
        st.sampled_from(["a", "b", BAD_SOURCE]),
    ),
    st.builds(lambda limit: lambda life: memory(life, limit), st.sampled_from(sorted(MEMORY))),
    st.builds(lambda n: lambda life: life.edit("spec.replicas", n), st.integers(0, 3)),
    st.builds(lambda it: lambda life: life.edit("spec.suspend", it), st.booleans()),
    st.builds(lambda times: lambda life: life.passes(times), st.integers(1, 6)),
    st.builds(lambda n: lambda life: life.passes(1, crash_before_write=n), st.integers(0, 4)),
    st.builds(lambda number: lambda life: life.world.kill_pod(number), st.integers(0, 9)),
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(script=st.lists(ACTIONS, min_size=4, max_size=10))
def test_both_read_the_truth_in_any_life(script: list[Action]) -> None:
    life = Life()
    for action in script:
        action(life)
    life.passes(3)
