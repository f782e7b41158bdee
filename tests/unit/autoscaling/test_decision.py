"""How many replicas, and why: one test for each reason, and the invariants as properties.

Figures: one execution takes 12 ms, so M/D/1 (checked in test_queueing) keeps the 99th percentile
under 50 ms up to a utilisation of 0.48, that is 40 requests/s for each pod.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec, ThroughputObjective
from trifocal.api.serving import Batching
from trifocal.autoscaling.decision import ScaleDecision, decide, observe_only
from trifocal.autoscaling.history import History, seeded
from trifocal.autoscaling.outlook import Situation
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, ServiceTime, Signal
from trifocal.optimizer.contract import CapacityPoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
NOTHING = NoData(reason=ScaleReason.NO_METRICS, message="No pod was read.")


def scaling(
    low: int = 1,
    high: int = 10,
    *,
    objective: float = 50,
    throughput: float | None = None,
    hold: int = 300,
) -> ScalingSpec:
    return ScalingSpec(
        min_replicas=low,
        max_replicas=high,
        objective=Objective(
            latency=LatencyObjective(max_milliseconds=objective),
            throughput=ThroughputObjective(requests_per_second=throughput) if throughput else None,
        ),
        scale_down_hold_seconds=hold,
    )


def service(milliseconds: float = 12, *, queue: float = 0) -> ServiceTime:
    return ServiceTime(
        execution_milliseconds=milliseconds,
        requests_per_execution=1,
        inferences_per_request=1,
        queue_milliseconds=queue,
        requests=1000,
    )


def load(
    rate: float,
    *,
    measured: ServiceTime | None = None,
    waiting: float = 0,
    failures: float = 0,
    latency: float | None = None,
    complete: bool = True,
) -> Signal:
    return Signal(
        arrivals_per_second=rate,
        failures_per_second=failures,
        waiting=waiting,
        service=measured or (service() if rate else None),
        latency_milliseconds=latency,
        complete=complete,
    )


def situation(
    signal: Signal | NoData,
    spec: ScalingSpec | None = None,
    *,
    current: int = 1,
    ready: int | None = None,
    history: History | None = None,
) -> Situation:
    return Situation(
        scaling=spec or scaling(),
        signal=signal,
        history=seeded(1, LONG_AGO) if history is None else history,
        current=current,
        ready=current if ready is None else ready,
        capacity=(CapacityPoint(batch=1, p50_milliseconds=12, p99_milliseconds=12),),
        batching=Batching(max_batch_size=1),
    )


def decided(given_situation: Situation) -> ScaleDecision:
    return decide(given_situation, NOW)[0]


def test_more_load_than_a_pod_can_answer_in_time_gets_another() -> None:
    found = decided(situation(load(60)))
    assert (found.replicas, found.reason) == (2, ScaleReason.MORE_LOAD)
    assert found.message == (
        "60 requests/s now, up to 63 within the 65 s that a pod needs to start, at 12 ms each "
        "need 2 replicas to keep p99 under 50 ms (modelled 39 ms)."
    )
    assert found.requests_per_second == 60
    assert found.service_milliseconds == 12
    assert found.modelled_milliseconds == pytest.approx(39.06, abs=0.1)
    assert found.decided_at == NOW


def test_pods_that_share_a_queue_carry_more() -> None:
    """300 requests/s are 3.6 pods' work: one queue needs fewer than a queue for each pod."""
    blind = situation(load(300), scaling(high=20), current=10)
    shared = replace(blind, balancing="shared")
    assert decided(shared).replicas < decided(blind).replicas


def test_a_longer_cold_start_is_named_as_the_time_that_is_looked_ahead() -> None:
    slow = replace(situation(load(60)), cold_start_seconds=295.0)
    assert "within the 300 s that a pod needs to start" in decided(slow).message


def test_a_replica_that_a_slightly_larger_load_would_need_stays() -> None:
    """66 requests/s with their margin just fit two pods; with what chance may hide they do not."""
    kept = [decided(situation(load(rate), current=3)).replicas for rate in (50, 66)]
    assert kept == [2, 3]
    assert decided(situation(load(66), current=2)).replicas == 2


def test_enough_is_steady() -> None:
    found = decided(situation(load(60, latency=27), current=2))
    assert (found.replicas, found.reason) == (2, ScaleReason.STEADY)
    assert found.latency_milliseconds == 27


def test_less_load_lets_replicas_go() -> None:
    found = decided(situation(load(30), current=3))
    assert (found.replicas, found.reason) == (1, ScaleReason.LESS_LOAD)


def test_replicas_stay_while_more_was_needed_within_the_hold() -> None:
    before = seeded(4, NOW - timedelta(seconds=299))
    found = decided(situation(load(30), current=4, history=before))
    assert (found.replicas, found.reason) == (4, ScaleReason.HOLDING)
    assert found.message.endswith("; 4 replicas were needed within the last 300 s.")


def test_a_load_at_the_border_of_two_numbers_stays_steady() -> None:
    """Four were needed 20 s ago, three are now, four will be soon: nothing worth a new reason."""
    before = seeded(4, NOW - timedelta(seconds=20))
    found = decided(situation(load(119), current=4, history=before))
    assert (found.replicas, found.reason) == (4, ScaleReason.STEADY)


def test_a_short_hold_is_seen_as_one_too() -> None:
    before = seeded(4, NOW - timedelta(seconds=20))
    found = decided(situation(load(30), scaling(hold=30), current=4, history=before))
    assert (found.replicas, found.reason) == (4, ScaleReason.HOLDING)


def test_replicas_that_fall_in_part_say_what_keeps_the_rest() -> None:
    before = seeded(3, NOW - timedelta(seconds=200))
    found = decided(situation(load(30), current=6, history=before))
    assert (found.replicas, found.reason) == (3, ScaleReason.LESS_LOAD)
    assert found.message.endswith("; 3 replicas were needed within the last 300 s.")


def test_no_traffic_needs_the_minimum() -> None:
    found = decided(situation(load(0), scaling(low=2), current=2))
    assert (found.replicas, found.reason) == (2, ScaleReason.NO_TRAFFIC)
    assert found.message == (
        "No requests were seen, so 1 replica is enough; minReplicas keeps 2 replicas."
    )
    assert found.modelled_milliseconds is None


def test_silence_after_a_load_says_what_the_replicas_are_held_for() -> None:
    """100 requests/s at 40 for each pod are 3 pods, for as long as the last minutes had them."""
    history, now = seeded(3, LONG_AGO), NOW
    for _ in range(24):
        now += timedelta(seconds=5)
        _, history = decide(situation(load(100), current=3, history=history), now)
    silent: ScaleDecision | None = None
    while silent is None or silent.reason is not ScaleReason.NO_TRAFFIC:
        now += timedelta(seconds=5)
        silent, history = decide(situation(load(0), current=3, history=history), now)
    assert silent.replicas == 3
    assert (
        silent.message == "No requests are seen now; the load of the last minutes needs 3 replicas."
    )


def test_throughput_is_kept_ready_without_traffic() -> None:
    """100 requests/s at 40 for each pod are 3 pods."""
    found = decided(situation(load(0), scaling(throughput=100), current=3))
    assert found.replicas == 3
    assert found.message.startswith(
        "The 100 requests/s of objective.throughput at 12 ms each need 3 replicas"
    )


def test_no_data_keeps_what_is_ordered() -> None:
    found, history = decide(situation(NOTHING, current=4), NOW)
    assert (found.replicas, found.reason) == (4, ScaleReason.NO_METRICS)
    assert found.message == "No pod was read. 4 replicas stay ordered."
    assert found.requests_per_second is None
    assert history.most_needed() == 4


def test_time_without_data_counts_as_needing_what_ran() -> None:
    """After a blind hour the hold starts anew: what was needed meanwhile is unknown."""
    _, history = decide(situation(NOTHING, current=4), NOW)
    later = NOW + timedelta(seconds=10)
    found, _ = decide(situation(load(1), current=4, history=history), later)
    assert found.replicas == 4


def test_no_data_still_obeys_new_bounds() -> None:
    found = decided(situation(NOTHING, scaling(low=3), current=1))
    assert found.replicas == 3
    assert found.message == (
        "No pod was read. 3 replicas are the nearest to the present 1 that spec.scaling allows."
    )


def test_bounds_apply_at_once_and_say_so() -> None:
    found = decided(situation(load(1), scaling(high=3), current=5))
    assert (found.replicas, found.reason) == (1, ScaleReason.OUT_OF_BOUNDS)
    assert found.message == "5 replicas were ordered; spec.scaling allows 1 to 3."


def test_ordered_pods_that_are_not_up_do_not_cause_more_orders() -> None:
    """The same load, a growing backlog, pods that are slowed down by their neighbours' start."""
    before = replace(seeded(2, LONG_AGO), service=service(12))
    crowded = load(60, measured=service(40, queue=900), waiting=5000, latency=4000)
    found = decided(situation(crowded, current=2, ready=1, history=before))
    assert (found.replicas, found.reason) == (2, ScaleReason.WAITING_FOR_PODS)
    assert found.message.endswith("; 1 of 2 ordered pods are ready.")


def test_a_load_that_grows_further_is_not_held_up_by_pods_on_their_way() -> None:
    found = decided(situation(load(100), current=2, ready=1))
    assert (found.replicas, found.reason) == (3, ScaleReason.MORE_LOAD)


def test_a_backlog_is_worked_off_when_no_pod_is_on_its_way() -> None:
    """1,800 waiting within 60 s are 30 requests/s on top of 30: two pods, which carry 40 each."""
    assert decided(situation(load(30))).replicas == 1
    found = decided(situation(load(30, waiting=1800)))
    assert found.replicas == 2
    assert found.message.startswith("30 requests/s and 1800 waiting at 12 ms each need 2 replicas")


def test_however_much_waits_it_calls_for_no_more_than_arrives_once_again() -> None:
    """An outage leaves what nobody waits for any more: 50,000 would be 833 requests/s on top."""
    found = decided(situation(load(30, waiting=50_000), scaling(high=100)))
    assert found.replicas == decided(situation(load(30, waiting=1800))).replicas == 2


def test_a_jump_is_ordered_in_steps() -> None:
    """1,000 requests/s need 25 pods; one is ready, so 2 * 1 + 4 may be ordered."""
    found = decided(situation(load(1000), scaling(high=100)))
    assert (found.replicas, found.reason) == (6, ScaleReason.STEP_LIMITED)
    assert found.message.endswith("; 6 are ordered until more than 1 are ready.")
    again = decided(situation(load(1000), scaling(high=100), current=6, ready=6))
    assert again.replicas == 16


def test_the_maximum_is_said_to_be_too_small() -> None:
    found = decided(situation(load(100), scaling(high=2), current=2))
    assert (found.replicas, found.reason) == (2, ScaleReason.MAX_REACHED)
    assert found.message.startswith(
        "100 requests/s now, up to 103 within the 65 s that a pod needs to start, at 12 ms "
        "each need more than maxReplicas (2) to keep p99 under 50 ms; at 2 the modelled latency is "
    )
    overloaded = decided(situation(load(500), scaling(high=2), current=2))
    assert "at 2 the queue grows." in overloaded.message
    assert overloaded.modelled_milliseconds is None


def test_a_model_that_is_too_slow_alone_gets_no_replicas_for_it() -> None:
    """At 10 ms the objective is below the 12 ms of a request that meets no queue."""
    found = decided(situation(load(30), scaling(objective=10)))
    assert (found.replicas, found.reason) == (1, ScaleReason.MODEL_TOO_SLOW)
    assert found.message == (
        "A request that meets no queue already takes 12 ms at p99, and the objective is 10 ms: "
        "more replicas cannot help. For the load alone 1 replica is enough. Raise maxMilliseconds, "
        "or serve a faster model or on faster hardware."
    )


def test_a_model_that_is_measured_within_the_objective_is_not_too_slow() -> None:
    """The Job was interrupted: 12 ms, but 80 at p99. Live, 99 of 100 took 30 ms, queue included."""
    interrupted = (CapacityPoint(batch=1, p50_milliseconds=12, p99_milliseconds=80),)
    unknown = replace(situation(load(30)), capacity=interrupted)
    known = replace(situation(load(30, latency=30)), capacity=interrupted)

    assert decided(unknown).reason == ScaleReason.MODEL_TOO_SLOW
    assert decided(known).reason != ScaleReason.MODEL_TOO_SLOW


def test_a_model_that_is_too_slow_still_gets_what_carries_its_load() -> None:
    """200 requests/s at 12 ms are 2.4 pods' work; at 95 % busy at most, three."""
    assert decided(situation(load(200), scaling(objective=10))).replicas == 3


def test_a_pod_that_was_not_read_speaks_against_fewer() -> None:
    found = decided(situation(load(30, complete=False), current=3))
    assert (found.replicas, found.reason) == (3, ScaleReason.INCOMPLETE_METRICS)


def test_a_pod_that_was_not_read_does_not_speak_against_more() -> None:
    assert decided(situation(load(100, complete=False))).replicas == 3


def test_a_measured_miss_with_queueing_speaks_against_fewer() -> None:
    slow = load(30, measured=service(queue=20), latency=80)
    found = decided(situation(slow, current=2))
    assert (found.replicas, found.reason) == (2, ScaleReason.MEASURED_ABOVE_OBJECTIVE)
    assert found.message.endswith(
        "; 2 replicas are kept, because p99 lately was 80 ms while requests queued."
    )


def test_a_measured_miss_without_queueing_is_not_cured_by_replicas() -> None:
    slow = load(30, measured=service(queue=0.5), latency=80)
    assert decided(situation(slow, current=2)).replicas == 1


def test_refused_requests_speak_against_fewer() -> None:
    refused = load(30, measured=service(queue=20), failures=3, latency=30)
    found = decided(situation(refused, current=2))
    assert found.replicas == 2
    assert found.message.endswith("; 2 replicas are kept, because 3.0 requests/s fail.")


def test_requests_without_any_known_service_time_change_nothing() -> None:
    unknown = replace(
        situation(replace(load(5), service=None), current=2), capacity=(), history=History()
    )
    found = decided(unknown)
    assert (found.replicas, found.reason) == (2, ScaleReason.NO_SERVICE_TIME)
    assert found.requests_per_second == 5


def test_an_object_without_scaling_shows_what_is_measured() -> None:
    found = observe_only(load(60, latency=27), 3, NOW)
    assert (found.replicas, found.reason) == (3, ScaleReason.NOT_SCALED)
    assert (found.requests_per_second, found.latency_milliseconds) == (60, 27)
    assert observe_only(NOTHING, 3, NOW).message == (
        "spec.scaling is not set, so spec.replicas decides. No pod was read."
    )


specs = st.builds(
    lambda low, more, objective, throughput, hold: scaling(
        low, low + more, objective=objective, throughput=throughput, hold=hold
    ),
    st.integers(1, 20),
    st.integers(0, 40),
    st.floats(5, 500),
    st.none() | st.floats(1, 1000),
    st.integers(0, 600),
)
signals = st.builds(
    lambda rate, ms, queue, waiting, failures, latency, complete: load(
        rate,
        measured=service(ms, queue=queue),
        waiting=waiting,
        failures=failures,
        latency=latency,
        complete=complete,
    ),
    st.floats(0, 5000),
    st.floats(1, 200),
    st.floats(0, 500),
    st.integers(0, 1000),
    st.floats(0, 50),
    st.none() | st.floats(1, 5000),
    st.booleans(),
)
histories = st.builds(
    lambda replicas, seconds: seeded(replicas, NOW - timedelta(seconds=seconds)),
    st.integers(1, 60),
    st.integers(0, 700),
)
situations = st.builds(
    lambda signal, spec, current, missing, history: situation(
        signal, spec, current=current, ready=max(current - missing, 0), history=history
    ),
    signals | st.just(NOTHING),
    specs,
    st.integers(0, 60),
    st.integers(0, 5),
    histories,
)


@settings(deadline=None)
@given(situations)
def test_the_result_lies_within_the_bounds(any_situation: Situation) -> None:
    bounds = any_situation.scaling
    assert bounds.min_replicas <= decided(any_situation).replicas <= bounds.max_replicas


@settings(deadline=None)
@given(situations)
def test_no_more_is_ordered_than_twice_the_ready_pods_and_four(any_situation: Situation) -> None:
    bounds = any_situation.scaling
    most = max(any_situation.current, 2 * any_situation.ready + 4, bounds.min_replicas)
    assert decided(any_situation).replicas <= most


@settings(deadline=None)
@given(situations)
def test_the_same_situation_gives_the_same_decision(any_situation: Situation) -> None:
    assert decide(any_situation, NOW) == decide(any_situation, NOW)


@settings(deadline=None)
@given(situations)
def test_every_reason_is_in_the_list_and_every_message_is_a_sentence(
    any_situation: Situation,
) -> None:
    found = decided(any_situation)
    assert found.reason in set(ScaleReason)
    assert found.message.endswith(".")
    assert len(found.message) <= 1024


@settings(deadline=None)
@given(situations)
def test_without_data_nothing_changes(any_situation: Situation) -> None:
    bounds = any_situation.scaling
    current = min(max(any_situation.current, bounds.min_replicas), bounds.max_replicas)
    blind = replace(any_situation, signal=NOTHING, current=current)
    assert decided(blind).replicas == current


@settings(deadline=None)
@given(situations, signals, st.floats(0, 0.99))
def test_replicas_never_fall_below_a_need_within_the_hold(
    first: Situation, later: Signal, share_of_hold: float
) -> None:
    """What an empty memory would note at first is a need; `later` may be any load."""
    assume(first.scaling.scale_down_hold_seconds > 0)
    _, alone = decide(replace(first, history=History()), NOW)
    before, history = decide(first, NOW)
    needed = min(alone.needs[0].replicas, before.replicas)
    follow = replace(
        first, signal=later, history=history, current=before.replicas, ready=before.replicas
    )
    passed = timedelta(seconds=share_of_hold * first.scaling.scale_down_hold_seconds)
    assert decide(follow, NOW + passed)[0].replicas >= needed


@settings(deadline=None)
@given(situations, signals, st.floats(0, 5000), st.floats(0, 5000), st.floats(0, 1))
def test_more_load_never_gets_fewer_replicas(
    any_situation: Situation, measured: Signal, one: float, other: float, failing: float
) -> None:
    """With all else equal: the share of requests that fail, too."""
    low, high = (
        decided(
            replace(
                any_situation,
                signal=replace(
                    measured, arrivals_per_second=rate, failures_per_second=failing * rate
                ),
            )
        ).replicas
        for rate in sorted((one, other))
    )
    assert low <= high
