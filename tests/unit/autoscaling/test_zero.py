"""From pods to none and back: what it takes, what prevents it, and what unknown does to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.api.scaling import ScalingSpec
from trifocal.autoscaling.decision import ScaleDecision, decide
from trifocal.autoscaling.history import seeded
from trifocal.autoscaling.outlook import Situation
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, ServiceTime, Signal
from trifocal.autoscaling.waiting_work import NotAllowed, Unknown, WakeUpSignal, Work
from trifocal.autoscaling.zero import Rest, decide_with_zero
from trifocal.optimizer.contract import CapacityPoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=5)
IDLE = 300
QUIET = Work(amount=0, threshold=0)
WAITS = Work(amount=3, threshold=0)
SILENT = Unknown(message="Prometheus did not answer.")
REFUSED = NotAllowed(message="The administrator allows no wake-up queries.")
NO_POD = NoData(reason=ScaleReason.NO_READY_PODS, message="No pod is ready.")
NOT_READ = NoData(reason=ScaleReason.NO_METRICS, message="No pod was read.")
OFFICE = {"name": "office", "start": "0 7 * * *", "end": "0 19 * * *", "minReplicas": 2}


def scaling(low: int = 0, *, hold: int = 60, throughput: float | None = None) -> ScalingSpec:
    asked = {"throughput": {"requestsPerSecond": throughput}} if throughput else {}
    return ScalingSpec.model_validate(
        {
            "minReplicas": low,
            "maxReplicas": 10,
            "objective": {"latency": {"maxMilliseconds": 50}, **asked},
            "scaleDownHoldSeconds": hold,
            "wakeUp": {"idleSeconds": IDLE, "prometheus": {"query": "waiting"}},
            "schedules": [OFFICE],
        }
    )


def load(rate: float, *, waiting: float = 0, complete: bool = True) -> Signal:
    service = ServiceTime(
        execution_milliseconds=12,
        requests_per_execution=1,
        inferences_per_request=1,
        queue_milliseconds=0,
        requests=1000,
    )
    return Signal(
        arrivals_per_second=rate,
        failures_per_second=0,
        waiting=waiting,
        service=service if rate else None,
        latency_milliseconds=None,
        complete=complete,
    )


def situation(
    signal: Signal | NoData, spec: ScalingSpec | None = None, *, current: int = 1, ready: int = 1
) -> Situation:
    return Situation(
        scaling=spec or scaling(),
        signal=signal,
        history=seeded(current, NOW - timedelta(days=1)),
        current=current,
        ready=ready,
        capacity=(CapacityPoint(batch=1, p50_milliseconds=12, p99_milliseconds=12),),
    )


def asleep(work: WakeUpSignal | None, spec: ScalingSpec | None = None) -> ScaleDecision:
    decision, _, _ = decide_with_zero(
        situation(NO_POD, spec, current=0, ready=0), work, Rest(asleep=True), NOW
    )
    return decision


class Pods:
    """Passes five seconds apart over pods that do not react to what is decided."""

    def __init__(self, spec: ScalingSpec | None = None, *, current: int = 1) -> None:
        self.now = NOW
        self.situation = situation(load(0), spec, current=current, ready=current)
        self.rest = Rest()

    def watch(
        self,
        seconds: float,
        signal: Signal | NoData | None = None,
        work: WakeUpSignal | None = QUIET,
        *,
        ready: int | None = None,
    ) -> ScaleDecision:
        """The last decision after some seconds of that."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now += STEP
            found = replace(
                self.situation,
                signal=load(0) if signal is None else signal,
                ready=self.situation.current if ready is None else ready,
            )
            decision, history, self.rest = decide_with_zero(found, work, self.rest, self.now)
            self.situation = replace(self.situation, history=history)
        return decision


def test_pods_go_when_nothing_was_asked_for_the_whole_idle_time() -> None:
    pods = Pods()
    assert pods.watch(IDLE).replicas == 1
    found = pods.watch(5)
    assert (found.replicas, found.reason) == (0, ScaleReason.SCALED_TO_ZERO)
    assert found.message == (
        "Nothing was asked of the pods for 300 s, and the wake-up query gives 0, not above 0: no "
        "pod runs. A larger number wakes the model: a request that a gateway holds or sends again "
        "is answered when a pod is ready, and any other is refused."
    )


@pytest.mark.parametrize(
    "interrupted",
    [
        {"signal": load(0.1)},
        {"signal": load(0, waiting=1)},
        {"signal": load(0, complete=False)},
        {"signal": NOT_READ},
        {"signal": NO_POD, "ready": 0},
        {"ready": 0},
        {"work": WAITS},
        {"work": SILENT},
    ],
)
def test_whatever_interrupts_it_starts_the_idle_time_anew(interrupted: dict[str, object]) -> None:
    pods = Pods()
    pods.watch(IDLE - 5)
    assert pods.watch(5, **interrupted).replicas >= 1  # type: ignore[arg-type]
    assert pods.watch(IDLE).replicas >= 1
    assert pods.watch(65).replicas == 0


def test_one_lost_answer_costs_no_idle_time_but_pods_go_on_a_new_one_only() -> None:
    pods = Pods()
    stale = replace(QUIET, fresh=False)
    assert pods.watch(IDLE + 100, work=stale).replicas == 1
    assert pods.watch(5, work=QUIET).replicas == 0


def test_the_hold_is_kept_where_it_is_longer() -> None:
    pods = Pods(scaling(hold=900), current=3)
    assert pods.watch(900).replicas > 0
    assert pods.watch(5).replicas == 0


def test_with_a_throughput_to_keep_idle_pods_go_all_the_same() -> None:
    pods = Pods(scaling(throughput=100), current=3)
    assert pods.watch(IDLE).replicas == 3
    assert pods.watch(5).replicas == 0


def test_without_a_query_idle_pods_go_until_a_schedule_starts() -> None:
    pods = Pods()
    pods.watch(IDLE, work=None)
    found = pods.watch(5, work=None)
    assert found.replicas == 0
    assert found.message == (
        "Nothing was asked of the pods for 300 s: no pod runs. A request is refused; only the next "
        "start of office wakes the model."
    )


def test_above_one_a_minimum_is_kept_however_idle_its_pods_are() -> None:
    assert Pods(scaling(2), current=2).watch(2 * IDLE).replicas == 2


@pytest.mark.parametrize(("work", "reason"), [(SILENT, "WakeUpUnknown"), (WAITS, "NoTraffic")])
def test_idle_pods_that_stay_say_why(work: WakeUpSignal, reason: str) -> None:
    found = Pods().watch(2 * IDLE, work=work)
    assert (found.replicas, found.reason) == (1, reason)
    told = SILENT.message if work is SILENT else "The wake-up query gives 3, above 0."
    assert found.message.endswith(f"{told} 1 replica stays.")


def test_where_queries_are_not_allowed_one_pod_stays_and_says_so() -> None:
    found = Pods().watch(2 * IDLE, work=REFUSED)
    assert found.replicas == 1
    assert found.message.endswith(f"A minReplicas of 0 has no effect. {REFUSED.message}")
    assert asleep(REFUSED).replicas == 1


def test_work_wakes_one_pod() -> None:
    found = asleep(WAITS)
    assert (found.replicas, found.reason) == (1, ScaleReason.WAKING)
    assert found.message == (
        "1 replica is ordered where none was: the wake-up query gives 3, above 0."
    )


def test_a_throughput_to_keep_wakes_as_many_pods_as_it_needs() -> None:
    """40 requests/s for each pod, see test_decision: 100 need 3."""
    assert asleep(WAITS, scaling(throughput=100)).replicas == 3


def test_a_minimum_that_comes_into_force_wakes() -> None:
    found = asleep(QUIET, scaling(2))
    assert (found.replicas, found.reason) == (2, ScaleReason.WAKING)
    assert found.message == "2 replicas are ordered where none was: the least is 2 now."


@pytest.mark.parametrize("work", [QUIET, replace(QUIET, fresh=False), None])
def test_no_pod_stays_no_pod_while_nothing_waits(work: WakeUpSignal | None) -> None:
    found = asleep(work)
    assert (found.replicas, found.reason) == (0, ScaleReason.SCALED_TO_ZERO)


def test_unknown_changes_nothing_and_says_that_nothing_but_a_schedule_wakes() -> None:
    found = asleep(SILENT)
    assert (found.replicas, found.reason) == (0, ScaleReason.WAKE_UP_UNKNOWN)
    assert found.message == (
        "No pod runs, and whether work waits is unknown. Prometheus did not answer. Until that is "
        "repaired only the next start of office wakes the model; set spec.scaling.minReplicas to 1 "
        "to have a pod now."
    )


def test_many_schedules_are_counted_and_not_named() -> None:
    many = [OFFICE | {"name": f"{n:063}"} for n in range(20)]
    spec = scaling().model_dump(by_alias=True) | {"schedules": many}
    found = asleep(Unknown(message=500 * "x"), ScalingSpec.model_validate(spec))
    assert "only the next start of one of 20 schedules wakes the model" in found.message
    assert len(found.message) <= 1024


def test_it_wakes_until_its_pods_were_read_twice() -> None:
    _, history, rest = decide_with_zero(situation(NO_POD, current=0, ready=0), WAITS, Rest(), NOW)
    pods = Pods()
    pods.situation, pods.rest = replace(pods.situation, history=history), rest
    # The client has given up, and the node takes an hour: the pod is waited for all the same.
    found = pods.watch(3600, NO_POD, QUIET, ready=0)
    assert (found.replicas, found.reason) == (1, ScaleReason.WAKING)
    assert pods.watch(5, NOT_READ).reason == ScaleReason.WAKING
    assert pods.watch(5, load(10)).reason == ScaleReason.STEADY
    assert pods.watch(5, NOT_READ).reason == ScaleReason.NO_METRICS


def test_after_waking_the_service_time_that_was_measured_before_is_known() -> None:
    busy = situation(load(30))
    _, history = decide(busy, NOW)
    found = replace(situation(NO_POD, current=0, ready=0), history=history)
    _, history, _ = decide_with_zero(found, WAITS, Rest(), NOW + STEP)
    assert history.service == load(30).service


def test_where_pods_must_run_it_is_the_decision_itself() -> None:
    found = situation(load(60), scaling(1))
    assert decide_with_zero(found, None, Rest(), NOW)[:2] == decide(found, NOW)


STALE = replace(QUIET, fresh=False)
SIGNALS: dict[str, Signal | NoData] = {
    "idle": load(0),
    "asked": load(1),
    "queued": load(0, waiting=1),
    "half-read": load(0, complete=False),
    "unread": NOT_READ,
}
PASSES = st.tuples(
    # Mostly idle, or no window would ever be whole.
    st.sampled_from([*["idle"] * 12, *SIGNALS]),
    st.sampled_from([*[QUIET] * 8, STALE, WAITS, SILENT]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PASSES, min_size=1, max_size=20))
def test_zero_is_decided_exactly_after_a_whole_window_without_a_gap(
    passes: list[tuple[str, WakeUpSignal]],
) -> None:
    """By brute force: 30 s are seven passes in a row, and the last one's answer is a new one."""
    spec = scaling(hold=30)
    assert spec.wake_up is not None
    wake_up = spec.wake_up.model_copy(update={"idle_seconds": 30})
    pods = Pods(spec.model_copy(update={"wake_up": wake_up}))
    quiet = [name == "idle" and work in (QUIET, STALE) for name, work in passes]
    for number, (name, work) in enumerate(passes):
        found = pods.watch(5, SIGNALS[name], work)
        whole = number >= 6 and all(quiet[number - 6 : number + 1])
        assert (found.replicas == 0) is (whole and work == QUIET)


def test_a_rollout_that_needs_the_last_pods_place_wakes_nobody() -> None:
    found = situation(NO_POD, scaling(1), current=0, ready=0)
    decision, _, _ = decide_with_zero(found, None, Rest(), NOW)
    assert (decision.replicas, decision.reason) == (1, ScaleReason.NO_READY_PODS)


def test_what_a_decision_was_made_from_is_told_with_the_bounds_that_were_in_force() -> None:
    pods = Pods()
    for found in (pods.watch(IDLE), pods.watch(5), asleep(QUIET), asleep(WAITS)):
        assert found.inputs is not None
        assert found.inputs.min_replicas == 0
    assert found.inputs is not None
    assert found.inputs.waiting_work == 3
