"""The loop with a scripted source and clock: what it remembers, shows, survives and forgets."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.api.schedule import Schedule
from trifocal.api.wake_up import PrometheusWakeUp, WakeUp
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.metrics import Key, ScalerMetrics
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.scaler import Scaler, ScaleTarget, run
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure
from trifocal.autoscaling.waiting_work import WakeUpSignal, Work
from trifocal.optimizer.contract import CapacityPoint
from trifocal.triton.exposition import ModelSamples

INTERVAL = 5.0
KEY = ("ns", "orientation")


class VirtualClock:
    """Time that passes only when the loop sleeps; the loop ends when it is up."""

    def __init__(self, seconds: float) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self._end = self.time + timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        if self.time > self._end:
            raise TimeIsUp


class TimeIsUp(Exception):  # noqa: N818 - no error
    pass


class SteadyPods:
    """Every pod has answered `rate` requests of 12 ms each second since the clock started."""

    def __init__(self, clock: VirtualClock, rate: float) -> None:
        self._clock, self._start = clock, clock.now()
        self.rate = rate
        self.broken: set[str] = set()

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
        return {pod.uid: self._answer(pod.uid) for pod in pods}

    def _answer(self, uid: str) -> Scrape | ScrapeFailure:
        if uid in self.broken:
            return ScrapeFailure(message="It is broken.")
        answered = self.rate * (self._clock.now() - self._start).total_seconds()
        samples = ModelSamples(
            success=answered,
            executions=answered,
            inferences=answered,
            compute_infer_microseconds=answered * 12_000,
            failure={},
            request_quantiles_microseconds={0.99: 27_000} if self.rate else {},
        )
        return Scrape(at=self._clock.now(), models={"m": samples})


class Cluster:
    """What the loop is given, and what it published."""

    def __init__(self, *targets: ScaleTarget) -> None:
        self.targets = {target.key: target for target in targets}
        self.published: list[tuple[Key, ScaleDecision]] = []
        self.registry = CollectorRegistry()

    def publish(self, key: Key, decision: ScaleDecision) -> None:
        self.published.append((key, decision))

    async def present(self) -> AsyncIterator[ScaleTarget]:
        for target in self.targets.values():
            yield target

    async def run_for(
        self,
        seconds: float,
        rate: float = 10,
        *,
        clock: VirtualClock | None = None,
        gpus: int | None = None,
    ) -> None:
        clock = clock or VirtualClock(seconds)
        scaler = Scaler(SteadyPods(clock, rate), ScalerMetrics(self.registry), INTERVAL, gpus)
        await self._run(scaler, clock)

    async def _run(self, scaler: Scaler, clock: VirtualClock) -> None:
        with pytest.raises(TimeIsUp):
            await run(
                self.present,
                self.publish,
                scaler=scaler,
                interval=INTERVAL,
                clock=clock,
            )

    def last(self, key: Key = KEY) -> ScaleDecision:
        return [decision for of, decision in self.published if of == key][-1]

    def metric(self, name: str, key: Key = KEY, **labels: str) -> float | None:
        return self.registry.get_sample_value(
            f"trifocal_scaling_{name}", {"namespace": key[0], "name": key[1], **labels}
        )


def target(
    replicas: int = 1, *, key: Key = KEY, hold: int = 60, scaled: bool = True
) -> ScaleTarget:
    spec = ScalingSpec(
        max_replicas=10,
        objective=Objective(latency=LatencyObjective(max_milliseconds=50)),
        scale_down_hold_seconds=hold,
    )
    return ScaleTarget(
        key=key,
        scaling=spec if scaled else None,
        model="m",
        pods=tuple(PodAddress(uid=f"{key[1]}-{i}", ip="10.0.0.1") for i in range(replicas)),
        replicas=replicas,
        capacity=(CapacityPoint(batch=1, p50_milliseconds=12, p99_milliseconds=12),),
    )


async def test_load_seen_twice_is_decided_on() -> None:
    cluster = Cluster(target())
    await cluster.run_for(5, rate=60)
    first, second = (decision for _, decision in cluster.published)
    assert first.reason == ScaleReason.NO_METRICS
    assert (second.replicas, second.requests_per_second) == (2, 60)


async def test_after_a_restart_nothing_scales_down_before_a_whole_hold_has_passed() -> None:
    cluster = Cluster(target(5, hold=60))
    await cluster.run_for(55, rate=1)
    assert {decision.replicas for _, decision in cluster.published} == {5}

    watched = Cluster(target(5, hold=60))
    await watched.run_for(60, rate=1)
    assert watched.last().replicas == 1


async def test_an_object_without_scaling_shows_rate_and_latency() -> None:
    cluster = Cluster(target(2, scaled=False))
    await cluster.run_for(60, rate=10)
    found = cluster.last()
    assert (found.replicas, found.reason) == (2, ScaleReason.NOT_SCALED)
    assert (found.requests_per_second, found.latency_milliseconds) == (20, 27)


async def test_who_is_not_scaled_is_looked_at_twice_a_minute_at_most() -> None:
    cluster = Cluster(target(scaled=False), target(key=("ns", "scaled")))
    await cluster.run_for(300)
    looked = [d.decided_at for key, d in cluster.published if key == KEY]
    assert 10 <= len(looked) <= 12
    assert sum(key == ("ns", "scaled") for key, _ in cluster.published) == 61


async def test_the_gpus_of_a_model_whose_turn_it_is_not_are_taken() -> None:
    """It has two of the three; the other one gets the third in every pass."""
    idle = replace(target(2, scaled=False), gpus=1)
    busy = replace(target(1, key=("ns", "busy")), gpus=1)
    cluster = Cluster(idle, busy)
    await cluster.run_for(60, rate=200, gpus=3)
    after_start = [d for key, d in cluster.published if key == busy.key][3:]
    assert {d.replicas for d in after_start} == {1}
    assert {d.reason for d in after_start} == {ScaleReason.BUDGET_LIMITED}


async def test_scaling_that_is_set_later_starts_with_a_whole_hold() -> None:
    cluster = Cluster(target(4, scaled=False))
    clock = VirtualClock(300)
    scaler = Scaler(SteadyPods(clock, 1), ScalerMetrics(cluster.registry), INTERVAL)
    await cluster._run(scaler, clock)
    cluster.targets[KEY] = target(4, hold=60)
    await scaler.make_pass(cluster.targets.values(), cluster.publish, clock)
    assert (cluster.last().replicas, cluster.last().reason) == (4, ScaleReason.STEADY)


async def test_numbers_are_shown_as_metrics_in_base_units() -> None:
    cluster = Cluster(target())
    await cluster.run_for(10, rate=60)
    assert cluster.metric("desired_replicas") == 2
    assert cluster.metric("requests_per_second") == 60
    assert cluster.metric("service_seconds") == pytest.approx(0.012)
    assert cluster.metric("latency_seconds") == pytest.approx(0.027)
    assert cluster.metric("modelled_latency_seconds")
    assert cluster.metric("reason", reason="MoreLoad") == 1
    assert cluster.metric("reason", reason="NoMetrics") is None


async def test_a_decision_can_be_derived_again_from_its_metrics() -> None:
    """60 requests/s of 12 ms on one pod: measured, foreseen, needed, and bounded."""
    cluster = Cluster(target())
    await cluster.run_for(10, rate=60)
    expected = {
        "failures_per_second": 0,
        "waiting_requests": 0,
        "requests_per_execution": 1,
        "queue_seconds": 0,
        "metrics_complete": 1,
        "level_requests_per_second": 60,
        # The level is known from one window of 15 s with 900 requests, give or take 30.
        "level_error_requests_per_second": 30 / 15,
        "held_requests_per_second": 60,
        "surge_requests_per_second": 0,
        "forecast_horizon_seconds": 65,
        "dispersion_ratio": 1,
        "backlog_requests_per_second": 0,
        "cold_start_seconds": 60,
        "objective_latency_seconds": 0.05,
        "correction_ratio": 1,
        "held_replicas": 2,
        "most_needed_replicas": 2,
        "ordered_replicas": 1,
        "ready_replicas": 1,
        "min_replicas": 1,
        "max_replicas": 10,
    }
    assert {name: cluster.metric(name) for name in expected} == pytest.approx(expected)
    assert cluster.metric("growth_ratio") is None, "no forecast was judged yet"
    assert cluster.metric("late_ratio") is None, "these pods have no histogram"


async def test_decisions_are_counted_by_their_reasons() -> None:
    cluster = Cluster(target(), target(key=("ns", "other")))
    await cluster.run_for(10, rate=60)
    counted = {
        reason: cluster.registry.get_sample_value(
            "trifocal_scaling_decisions_total", {"reason": reason}
        )
        for reason in ("NoMetrics", "MoreLoad")
    }
    assert counted == {"NoMetrics": 2, "MoreLoad": 4}


async def test_every_number_has_a_name_and_series_of_its_own() -> None:
    cluster = Cluster(target())
    await cluster.run_for(10, rate=60)
    names = [family.name for family in cluster.registry.collect()]
    assert len(names) == len(set(names))
    assert all(name.startswith("trifocal_scaling_") for name in names)


async def test_what_is_not_known_has_no_series() -> None:
    cluster = Cluster(target())
    await cluster.run_for(10, rate=0)
    assert cluster.metric("requests_per_second") == 0
    assert cluster.metric("latency_seconds") is None
    assert cluster.metric("modelled_latency_seconds") is None


async def test_the_series_of_an_object_go_with_it() -> None:
    cluster = Cluster(target(), target(key=("ns", "other")))
    clock = VirtualClock(10)
    scaler = Scaler(SteadyPods(clock, 60), ScalerMetrics(cluster.registry), INTERVAL)
    await cluster._run(scaler, clock)
    del cluster.targets[KEY]
    await scaler.make_pass(cluster.targets.values(), cluster.publish, clock)
    left = {
        sample.labels["name"]
        for family in cluster.registry.collect()
        for sample in family.samples
        if "name" in sample.labels
    }
    assert left == {"other"}


async def test_a_pod_that_cannot_be_read_is_counted_and_nothing_scales_down() -> None:
    cluster = Cluster(target(3, hold=0))
    clock = VirtualClock(30)
    pods = SteadyPods(clock, 1)
    pods.broken = {"orientation-2"}
    await cluster._run(Scaler(pods, ScalerMetrics(cluster.registry), INTERVAL), clock)
    assert (cluster.last().replicas, cluster.last().reason) == (3, ScaleReason.INCOMPLETE_METRICS)
    assert cluster.registry.get_sample_value("trifocal_scaling_unreadable_pods_total") == 7


async def test_where_no_pod_can_be_read_the_sentence_says_why() -> None:
    cluster = Cluster(target(2))
    clock = VirtualClock(10)
    pods = SteadyPods(clock, 1)
    pods.broken = {"orientation-0", "orientation-1"}
    await cluster._run(Scaler(pods, ScalerMetrics(cluster.registry), INTERVAL), clock)
    assert (cluster.last().replicas, cluster.last().reason) == (2, ScaleReason.NO_METRICS)
    assert cluster.last().message == (
        "None of 2 ready pods gave its metrics twice in the last 15 s. It is broken. 2 replicas "
        "stay ordered."
    )


async def test_a_pod_that_does_not_know_the_model_counts_as_unread() -> None:
    cluster = Cluster(replace(target(), model="another"))
    await cluster.run_for(30)
    assert cluster.last().reason == ScaleReason.NO_METRICS


async def test_another_artifact_is_not_judged_by_the_last_ones_speed() -> None:
    """The new artifact takes 6 ms by its Job and nobody has asked it yet: 12 ms are forgotten."""
    cluster = Cluster(target())
    clock = VirtualClock(30)
    pods = SteadyPods(clock, 30)
    scaler = Scaler(pods, ScalerMetrics(cluster.registry), INTERVAL)
    await cluster._run(scaler, clock)
    faster = replace(
        target(),
        pods=(PodAddress(uid="new", ip="10.0.0.1"),),
        capacity=(CapacityPoint(batch=1, p50_milliseconds=6, p99_milliseconds=6),),
    )
    cluster.targets[KEY] = faster
    pods.rate = 0
    await scaler.make_pass(cluster.targets.values(), cluster.publish, clock)
    assert scaler._tracks[KEY].history.service is None


async def test_one_objects_defect_does_not_stop_the_others() -> None:
    class Defective(Cluster):
        def publish(self, key: Key, decision: ScaleDecision) -> None:
            if key == KEY:
                raise RuntimeError("no one could foresee this")
            super().publish(key, decision)

    cluster = Defective(target(), target(key=("ns", "other")))
    await cluster.run_for(10)
    assert [key for key, _ in cluster.published] == [("ns", "other")] * 3


async def test_a_failed_pass_does_not_end_the_loop() -> None:
    class Unavailable(SteadyPods):
        async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
            if self._clock.now() == self._start:
                raise RuntimeError("the first pass fails")
            return await super().scrape(pods)

    cluster = Cluster(target())
    clock = VirtualClock(10)
    scaler = Scaler(Unavailable(clock, 10), ScalerMetrics(cluster.registry), INTERVAL)
    await cluster._run(scaler, clock)
    assert len(cluster.published) == 2


async def test_a_long_pass_shortens_the_pause_after_it() -> None:
    class Slow(SteadyPods):
        async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
            self._clock.time += timedelta(seconds=3)
            return await super().scrape(pods)

    cluster = Cluster(target())
    clock = VirtualClock(12)
    scaler = Scaler(Slow(clock, 10), ScalerMetrics(cluster.registry), INTERVAL)
    await cluster._run(scaler, clock)
    times = [decision.decided_at for _, decision in cluster.published]
    assert [(b - a).total_seconds() for a, b in pairwise(times)] == [5, 5]


async def test_models_of_a_namespace_share_its_gpus_and_other_namespaces_do_not_count() -> None:
    other = ("elsewhere", "faces")
    cluster = Cluster(
        replace(target(key=("ns", "a")), gpus=1),
        replace(target(key=("ns", "b")), gpus=1),
        replace(target(key=("ns", "on-cpu")), gpus=0),
        replace(target(key=other), gpus=1),
    )

    await cluster.run_for(10, rate=60, gpus=3)

    wanted = {key: cluster.last(key).replicas for key in cluster.targets}
    assert wanted == {("ns", "a"): 2, ("ns", "b"): 1, ("ns", "on-cpu"): 2, other: 2}
    assert cluster.last(("ns", "b")).reason == ScaleReason.BUDGET_LIMITED
    assert cluster.metric("desired_replicas", ("ns", "b")) == 1
    assert cluster.metric("reason", ("ns", "b"), reason="BudgetLimited") == 1


async def test_a_schedule_raises_the_number_without_any_load() -> None:
    always = Schedule(name="always", start="* * * * *", end="0 0 1 1 *", min_replicas=3)
    plain = target()
    assert plain.scaling is not None
    scaling = plain.scaling.model_copy(update={"schedules": (always,)})
    # The clock starts at midnight of 1 January, when the schedule ends and starts; it runs later.
    clock = VirtualClock(130)
    clock.time += timedelta(minutes=1)
    cluster = Cluster(replace(plain, scaling=scaling))

    await cluster.run_for(60, rate=0, clock=clock)

    assert cluster.last().replicas == 3


class Gateway:
    """Holds requests; the wake-up query counts them."""

    def __init__(self) -> None:
        self.holds = 0
        self.asked: list[tuple[Key, ...]] = []

    async def ask(self, queries: Mapping[Key, PrometheusWakeUp]) -> Mapping[Key, WakeUpSignal]:
        self.asked.append(tuple(queries))
        return dict.fromkeys(queries, Work(amount=self.holds, threshold=0))


def resting(replicas: int = 1, **fields: object) -> ScaleTarget:
    """It may have no pod, after half a minute without requests."""
    found = target(replicas, hold=0)
    assert found.scaling is not None
    wake_up = WakeUp(idle_seconds=30, prometheus=PrometheusWakeUp(query="holds"))
    scaling = found.scaling.model_copy(update={"min_replicas": 0, "wake_up": wake_up, **fields})
    return replace(found, scaling=scaling)


class FollowedCluster(Cluster):
    """A Deployment follows what is decided; its pods are ready at once."""

    def publish(self, key: Key, decision: ScaleDecision) -> None:
        super().publish(key, decision)
        kept = self.targets[key]
        pods = tuple(PodAddress(uid=f"pod-{i}", ip="10.0.0.1") for i in range(decision.replicas))
        self.targets[key] = replace(kept, replicas=decision.replicas, pods=pods)


async def test_an_idle_model_loses_its_pods_and_a_held_request_brings_one_back() -> None:
    cluster, gateway, clock = FollowedCluster(resting()), Gateway(), VirtualClock(60)
    scaler = Scaler(
        SteadyPods(clock, 0), ScalerMetrics(cluster.registry), INTERVAL, wake_ups=gateway
    )
    await cluster._run(scaler, clock)
    assert (cluster.last().replicas, cluster.last().reason) == (0, ScaleReason.SCALED_TO_ZERO)
    assert cluster.metric("requests_per_second") is None

    gateway.holds = 1
    await scaler.make_pass(cluster.targets.values(), cluster.publish, clock)
    assert (cluster.last().replicas, cluster.last().reason) == (1, ScaleReason.WAKING)


async def test_after_a_restart_no_pod_is_still_no_pod() -> None:
    cluster, gateway = Cluster(resting(0)), Gateway()
    clock = VirtualClock(10)
    scaler = Scaler(
        SteadyPods(clock, 0), ScalerMetrics(cluster.registry), INTERVAL, wake_ups=gateway
    )
    await cluster._run(scaler, clock)
    assert {decision.replicas for _, decision in cluster.published} == {0}


async def test_only_models_that_may_have_no_pod_are_asked_about() -> None:
    other = target(key=("ns", "other"))
    cluster, gateway, clock = Cluster(resting(), other), Gateway(), VirtualClock(0)
    scaler = Scaler(
        SteadyPods(clock, 0), ScalerMetrics(cluster.registry), INTERVAL, wake_ups=gateway
    )
    await cluster._run(scaler, clock)
    assert gateway.asked == [(KEY,)]


async def test_where_nobody_asks_one_pod_stays() -> None:
    cluster = Cluster(resting())
    await cluster.run_for(120, rate=0)
    assert cluster.last().replicas == 1
    assert "A minReplicas of 0 has no effect." in cluster.last().message


async def test_the_last_pod_of_a_model_that_serves_is_not_taken_for_others() -> None:
    """Two GPUs, and the other model's minReplicas alone would have both."""
    wants = target(key=("ns", "other"))
    assert wants.scaling is not None
    two = wants.scaling.model_copy(update={"min_replicas": 2})
    cluster = Cluster(replace(resting(), gpus=1), replace(wants, scaling=two, gpus=1))
    await cluster.run_for(10, rate=10, gpus=2)
    assert cluster.last().replicas == 1


async def test_a_decision_tells_how_long_a_pod_takes() -> None:
    cluster = Cluster(replace(target(), cold_start_seconds=38.0))
    await cluster.run_for(10)
    assert cluster.last().cold_start_seconds == 38
