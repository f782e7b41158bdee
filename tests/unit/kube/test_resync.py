"""Prefill and sweep: the cache agrees with the server where watches had a gap."""

from typing import Any

from tests.support.fake_kube import FakeKube
from tests.support.fake_time import FakeTime
from trifocal.api.schema import KIND
from trifocal.kube.cache import Cache
from trifocal.kube.errors import Gone, Transient
from trifocal.kube.kinds import MANAGED_SELECTOR, WATCHED
from trifocal.kube.resync import SETTLE_SECONDS, SWEEP_SECONDS, Sweeper, prefill, sweep


def deployment(name: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"namespace": "ns", "name": name, **metadata}}


class Notes:
    """What was reported as changed."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, _: str, obj: Any) -> None:
        self.names.append(obj["metadata"]["name"])


async def test_prefill_lists_every_watched_kind_once() -> None:
    kube, cache = FakeKube(), Cache()
    kube.put(deployment("a"))
    await prefill(kube, cache, FakeTime().sleep)
    assert [kind for _, kind, _ in kube.reads] == [kind.name for kind in WATCHED]
    assert cache.get("Deployment", "ns", "a") is not None


async def test_only_managed_children_are_listed_and_every_modeldeployment() -> None:
    kube = FakeKube()
    await prefill(kube, Cache(), FakeTime().sleep)
    assert kube.selectors == ["", *[MANAGED_SELECTOR] * (len(WATCHED) - 1)]


class Recovering(FakeKube):
    """Refuses the first lists."""

    def __init__(self, error: Exception, times: int) -> None:
        super().__init__()
        self.left = times
        self.error = error

    async def list(self, *args: Any, **options: Any) -> Any:
        if self.left:
            self.left -= 1
            raise self.error
        return await super().list(*args, **options)


async def test_prefill_tells_from_where_each_kind_is_to_be_watched() -> None:
    kube = FakeKube()
    before = int(kube.put(deployment("a"))["metadata"]["resourceVersion"])
    versions = await prefill(kube, Cache(), FakeTime().sleep)
    assert versions.keys() == {kind.name for kind in WATCHED}
    assert all(int(version) > before for version in versions.values())


async def test_prefill_waits_for_the_crd_to_be_installed() -> None:
    time = FakeTime()
    await prefill(Recovering(Gone("no such kind"), times=3), Cache(), time.sleep)
    assert len(time.slept) == 3


async def test_prefill_waits_for_the_api_server() -> None:
    time = FakeTime()
    await prefill(Recovering(Transient("connection refused"), times=2), Cache(), time.sleep)
    assert len(time.slept) == 2


async def test_an_object_that_vanished_unseen_is_swept_and_reported() -> None:
    kube, cache, notes = FakeKube(), Cache(), Notes()
    cache.upsert("Deployment", kube.put(deployment("stays")))
    ghost = kube.put(deployment("ghost"))
    cache.upsert("Deployment", ghost)
    del kube.objects["Deployment", "ns", "ghost"]
    assert await sweep(kube, cache, "Deployment", notes, FakeTime().sleep) == 1
    assert notes.names == ["ghost"]
    assert cache.get("Deployment", "ns", "ghost") is None
    assert cache.get("Deployment", "ns", "stays") is not None


async def test_a_namesake_made_in_the_gap_replaces_the_ghost() -> None:
    kube, cache, notes = FakeKube(), Cache(), Notes()
    cache.upsert("Deployment", kube.put(deployment("a", uid="old")))
    kube.put(deployment("a", uid="new"))
    await sweep(kube, cache, "Deployment", notes, FakeTime().sleep)
    found = cache.get("Deployment", "ns", "a")
    assert found is not None
    assert found["metadata"]["uid"] == "new"


async def test_what_a_silent_watch_missed_is_fetched() -> None:
    kube, cache, notes = FakeKube(), Cache(), Notes()
    cache.upsert("Deployment", kube.put(deployment("changed", uid="c")))
    kube.put({**deployment("changed", uid="c"), "status": {"readyReplicas": 1}})
    kube.put(deployment("unseen"))
    assert await sweep(kube, cache, "Deployment", notes, FakeTime().sleep) == 2
    assert sorted(notes.names) == ["changed", "unseen"]


async def test_a_watch_that_is_only_slow_is_given_time() -> None:
    kube, cache, notes = FakeKube(), Cache(), Notes()
    late = kube.put(deployment("late"))

    async def the_watch_catches_up(_: float) -> None:
        cache.upsert("Deployment", late)

    assert await sweep(kube, cache, "Deployment", notes, the_watch_catches_up) == 0
    assert ("get", "Deployment", "late") not in kube.reads


async def test_a_sweep_of_a_true_cache_reads_one_list_and_reports_nothing() -> None:
    kube, cache, notes = FakeKube(), Cache(), Notes()
    cache.upsert("Deployment", kube.put(deployment("a")))
    assert await sweep(kube, cache, "Deployment", notes, FakeTime().sleep) == 0
    assert kube.reads == [("list", "Deployment", "")]


def test_a_listed_kind_is_swept_when_its_list_has_settled() -> None:
    time = FakeTime()
    sweeper = Sweeper(FakeKube(), Cache(), Notes(), clock=time.monotonic)
    sweeper.listed(KIND)
    assert sweeper.due() == ()
    time.pass_by(SETTLE_SECONDS)
    assert sweeper.due() == (KIND,)


def test_every_kind_is_swept_from_time_to_time() -> None:
    time = FakeTime()
    sweeper = Sweeper(FakeKube(), Cache(), Notes(), clock=time.monotonic)
    time.pass_by(SWEEP_SECONDS)
    assert len(sweeper.due()) == len(WATCHED)
