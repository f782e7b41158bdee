"""One pass: what it writes, what it remembers, and what it never does. With scripted policies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.fake_kube import FakeKube
from tests.support.fake_time import FakeTime
from tests.support.manifests import minimal
from trifocal.api import manifest as manifests
from trifocal.api.manifest import InvalidSpec
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.rule import Problem
from trifocal.api.schema import KIND
from trifocal.kube.cache import Cache
from trifocal.kube.errors import Refused, Transient
from trifocal.kube.recorder import Recorder
from trifocal.optimizer.contract import Progress
from trifocal.reconcile.observed import Observed, SmokeOutcome
from trifocal.reconcile.plan import Plan, SmokeOrder
from trifocal.reconcile.reconciler import Collaborators, Outcome, Reconciler

KEY = ("default", "digits")
ORDER = SmokeOrder(revision="r1", pods=(("p1", "10.0.0.1"),))


def config_map(name: str = "c") -> dict[str, Any]:
    owner = {"kind": KIND, "name": "digits", "uid": "md", "controller": True}
    metadata = {"namespace": "default", "name": name, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


def ready(reason: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "reason": reason, "message": "Words."}
    return {"conditions": [condition]}


@dataclass
class Script:
    """A policy that answers what the test says."""

    plan_for: Callable[[Observed], Plan] = lambda _: Plan()
    status_for: Callable[[Observed], Mapping[str, Any]] = lambda _: ready("Ready")
    problems: tuple[Problem, ...] = ()
    seen: list[Observed] = field(default_factory=list)
    planned: list[Observed] = field(default_factory=list)

    def parse(self, body: Mapping[str, Any]) -> ModelDeployment:
        if self.problems:
            raise InvalidSpec(self.problems)
        return manifests.parse(body)

    def plan(self, md: ModelDeployment, observed: Observed, now: datetime) -> Plan:
        del md, now
        self.planned.append(observed)
        return self.plan_for(observed)

    def status(
        self, md: ModelDeployment, observed: Observed, plan: Plan, now: datetime
    ) -> Mapping[str, Any]:
        del md, plan, now
        self.seen.append(observed)
        return self.status_for(observed)

    def invalid_status(
        self, body: Mapping[str, Any], problems: Sequence[Problem], now: datetime
    ) -> Mapping[str, Any]:
        del body, now
        return ready(str(len(problems)))


class Stage:
    """A reconciler with everything around it faked."""

    def __init__(self, script: Script) -> None:
        self.kube, self.cache, self.time = FakeKube(), Cache(), FakeTime()
        self.script = script
        self.smoked: list[SmokeOrder] = []
        self.forgotten: list[tuple[str, str]] = []
        self.outcome = SmokeOutcome(
            revision="r1", passed=True, message="Same.", checked_pods=frozenset({"p1"})
        )
        body = minimal()
        body["metadata"] |= {"uid": "md", "generation": 1}
        self.show(self.kube.put(body))
        self.reconciler = Reconciler(
            Collaborators(
                kube=self.kube,
                cache=self.cache,
                policy=script,
                recorder=Recorder(self.kube, instance="i", now=self.time.now),
                smoke=self.smoke,
                read_progress=self.read_progress,
                decisions=lambda _: None,
                forget_decision=self.forgotten.append,
                now=self.time.now,
            )
        )

    def show(self, obj: Mapping[str, Any]) -> None:
        self.cache.upsert(obj["kind"], obj)

    async def smoke(
        self, md: ModelDeployment, observed: Observed, order: SmokeOrder
    ) -> SmokeOutcome:
        del md, observed
        self.smoked.append(order)
        return self.outcome

    async def read_progress(self, address: str) -> Progress | None:
        return Progress(step=f"asked {address}", percent=40)

    async def make_pass(self) -> Outcome:
        return await self.reconciler.reconcile(KEY)

    def wrote(self) -> list[tuple[str, str]]:
        return [(verb, kind) for verb, kind, _ in self.kube.writes if kind != "Event"]


async def test_a_pass_applies_and_then_writes_the_status_once() -> None:
    stage = Stage(Script(lambda o: Plan() if o.config_maps else Plan(apply=(config_map(),))))
    await stage.make_pass()
    assert stage.wrote() == [("apply", "ConfigMap"), ("status", KIND)]


async def test_the_status_speaks_of_what_the_pass_has_just_made() -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),))))
    await stage.make_pass()
    assert [c["metadata"]["name"] for c in stage.script.seen[-1].config_maps] == ["c"]


async def test_a_second_pass_with_nothing_new_writes_nothing() -> None:
    stage = Stage(Script(lambda o: Plan() if o.config_maps else Plan(apply=(config_map(),))))
    await stage.make_pass()
    stage.kube.writes.clear()
    await stage.make_pass()
    assert stage.kube.writes == []


async def test_an_operator_that_was_restarted_writes_nothing_either() -> None:
    stage = Stage(Script())
    await stage.make_pass()
    again = Stage(Script())
    again.kube.objects = stage.kube.objects
    again.show(stage.kube.objects[KIND, *KEY])
    await again.make_pass()
    assert again.kube.writes == []


@pytest.mark.parametrize("deleting", [True, False])
async def test_an_object_that_is_gone_or_going_is_left_alone(deleting: bool) -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),))))
    body = stage.kube.objects[KIND, *KEY]
    if deleting:
        body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        stage.show(stage.kube.put(body))
    else:
        stage.cache.remove(KIND, body)
    assert (await stage.make_pass()).gone
    assert stage.kube.writes == []
    assert stage.forgotten == [KEY]


async def test_an_invalid_spec_is_reported_and_nothing_else_is_done() -> None:
    stage = Stage(
        Script(lambda _: Plan(apply=(config_map(),)), problems=(Problem("spec.x", "Wrong."),))
    )
    outcome = await stage.make_pass()
    assert stage.wrote() == [("status", KIND)]
    assert not outcome.refused
    assert stage.script.planned == []


async def test_a_smoke_order_is_carried_out_and_planned_upon_in_the_same_pass() -> None:
    def plan_for(observed: Observed) -> Plan:
        return Plan(apply=(config_map(),)) if observed.smoke else Plan(smoke=ORDER)

    stage = Stage(Script(plan_for))
    await stage.make_pass()
    assert stage.smoked == [ORDER]
    assert stage.wrote() == [("apply", "ConfigMap"), ("status", KIND)]


async def test_one_pass_asks_pods_once_even_if_more_are_to_be_asked() -> None:
    stage = Stage(Script(lambda _: Plan(smoke=ORDER)))
    await stage.make_pass()
    assert len(stage.smoked) == 1


async def test_pods_that_were_checked_stay_checked_for_their_revision() -> None:
    stage = Stage(Script(lambda _: Plan(smoke=ORDER)))
    await stage.make_pass()
    stage.outcome = SmokeOutcome(revision="r1", passed=False, message="No answer.")
    await stage.make_pass()
    smoke = stage.script.seen[-1].smoke
    assert smoke is not None
    assert (smoke.passed, smoke.checked_pods) == (False, frozenset({"p1"}))


async def test_another_revision_starts_unchecked() -> None:
    stage = Stage(Script(lambda _: Plan(smoke=ORDER)))
    await stage.make_pass()
    stage.outcome = SmokeOutcome(revision="r2", passed=False, message="No answer.")
    await stage.make_pass()
    smoke = stage.script.seen[-1].smoke
    assert smoke is not None
    assert smoke.checked_pods == frozenset()


async def test_a_namesake_does_not_inherit_what_was_checked() -> None:
    stage = Stage(Script(lambda _: Plan(smoke=ORDER)))
    await stage.make_pass()
    stage.cache.remove(KIND, stage.kube.objects[KIND, *KEY])
    successor = minimal()
    successor["metadata"] |= {"uid": "md2", "generation": 1}
    stage.show(stage.kube.put(successor))
    stage.script.planned.clear()
    await stage.make_pass()
    assert stage.script.planned[0].smoke is None


async def test_progress_is_read_from_the_pod_that_the_plan_names() -> None:
    stage = Stage(Script(lambda _: Plan(progress_of="10.0.0.7")))
    await stage.make_pass()
    assert stage.script.seen[-1].progress == Progress(step="asked 10.0.0.7", percent=40)


async def test_a_refusal_reaches_the_status_and_asks_for_back_off() -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),))))
    stage.kube.faults["apply", "ConfigMap"] = Refused(403, "Forbidden", "exceeded quota")
    outcome = await stage.make_pass()
    assert outcome.refused
    assert [r.message for r in stage.script.seen[-1].refusals] == ["exceeded quota"]


async def test_no_pod_is_asked_while_something_is_refused() -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),), smoke=ORDER)))
    stage.kube.faults["apply", "ConfigMap"] = Refused(403, "Forbidden", "exceeded quota")
    await stage.make_pass()
    assert stage.smoked == []


async def test_a_transient_error_ends_the_pass_before_its_status() -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),))))
    stage.kube.faults["apply", "ConfigMap"] = Transient("overloaded", 7.0)
    with pytest.raises(Transient):
        await stage.make_pass()
    assert ("status", KIND) not in stage.wrote()


async def test_the_status_of_a_deleted_object_is_not_written_to_its_namesake() -> None:
    stage = Stage(Script())
    namesake = minimal()
    namesake["metadata"] |= {"uid": "another", "generation": 1}
    stage.kube.put(namesake)
    with pytest.raises(Transient, match="changed"):
        await stage.make_pass()
    assert stage.wrote() == []


async def test_a_transition_is_told_as_one_event() -> None:
    stage = Stage(Script())
    await stage.make_pass()
    await stage.make_pass()
    events = [obj for (kind, _, _), obj in stage.kube.objects.items() if kind == "Event"]
    assert [e["reason"] for e in events] == ["Ready"]


async def test_what_is_on_its_way_is_told_once_it_has_lasted() -> None:
    stage = Stage(Script(status_for=lambda _: {**ready("Ready"), "replicas": 1}))
    await stage.make_pass()
    stage.kube.writes.clear()
    stage.script.status_for = lambda _: {**ready("Ready"), "replicas": 2}
    assert (await stage.make_pass()).look_again == timedelta(seconds=5)
    stage.time.pass_by(3)
    assert (await stage.make_pass()).look_again == timedelta(seconds=2)
    assert stage.wrote() == []
    stage.time.pass_by(2)
    assert (await stage.make_pass()).look_again is None
    assert stage.wrote() == [("status", KIND)]


async def test_what_was_over_before_it_was_told_is_not_counted_to_the_next() -> None:
    stage = Stage(Script(status_for=lambda _: {**ready("Ready"), "replicas": 1}))
    await stage.make_pass()
    replicas = iter((2, 1, 2))
    stage.script.status_for = lambda _: {**ready("Ready"), "replicas": next(replicas)}
    waits = []
    for _ in range(3):
        waits.append((await stage.make_pass()).look_again)
        stage.time.pass_by(4)
    assert waits == [timedelta(seconds=5), None, timedelta(seconds=5)]


async def test_a_namesake_waits_from_the_beginning() -> None:
    stage = Stage(Script())
    await stage.make_pass()
    stage.script.status_for = lambda _: {**ready("Ready"), "replicas": 2}
    await stage.make_pass()
    stage.time.pass_by(4)
    successor = stage.kube.objects[KIND, *KEY]
    successor["metadata"]["uid"] = "md2"
    stage.show(stage.kube.put(successor))
    assert (await stage.make_pass()).look_again == timedelta(seconds=5)


async def test_what_was_refused_is_told_at_once_for_the_next_pass_may_be_far_away() -> None:
    stage = Stage(Script(lambda _: Plan(apply=(config_map(),))))
    await stage.make_pass()
    stage.cache.remove("ConfigMap", stage.kube.objects["ConfigMap", "default", "c"])
    stage.kube.faults["apply", "ConfigMap"] = Refused(403, "Forbidden", "exceeded quota")
    stage.kube.writes.clear()
    stage.script.status_for = lambda _: {**ready("Ready"), "replicas": 2}
    await stage.make_pass()
    assert stage.wrote()[-1] == ("status", KIND)


async def test_the_plan_says_when_to_look_again() -> None:
    stage = Stage(Script(lambda _: Plan(look_again=timedelta(seconds=3))))
    assert (await stage.make_pass()).look_again == timedelta(seconds=3)
