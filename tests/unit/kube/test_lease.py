"""Leader election: who leads when, by client-go's rules, with time in the test's hands."""

import asyncio

import pytest

from tests.support.fake_kube import FakeKube
from tests.support.fake_time import FakeTime
from trifocal.kube.errors import Transient
from trifocal.kube.fence import Fence
from trifocal.kube.lease import Clock, Election, LeadershipLost

LEASE = ("system", "operator")


def candidate(kube: FakeKube, time: FakeTime, name: str) -> Election:
    clock = Clock(monotonic=time.monotonic, wall=time.now, sleep=time.sleep)
    return Election(kube, lease=LEASE, identity=name, clock=clock)


def holder(kube: FakeKube) -> str:
    found: str = kube.objects["Lease", *LEASE]["spec"]["holderIdentity"]
    return found


async def test_the_first_candidate_leads() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    assert first.held()
    assert holder(kube) == "a"


async def test_a_follower_waits_until_the_lease_has_not_changed_for_its_duration() -> None:
    kube, time = FakeKube(), FakeTime()
    await candidate(kube, time, "a").acquire()
    second = candidate(kube, time, "b")
    started = time.seconds
    await second.acquire()
    # 15 s of the lease, seen every second: the first look after them.
    assert 15 < time.seconds - started <= 16
    assert holder(kube) == "b"


async def test_a_follower_does_not_trust_the_leaders_clock() -> None:
    kube, time = FakeKube(), FakeTime()
    await candidate(kube, time, "a").acquire()
    kube.objects["Lease", *LEASE]["spec"]["renewTime"] = "1970-01-01T00:00:00.000000Z"
    second = candidate(kube, time, "b")
    assert not await second._try(allowed_seconds=10)


async def test_a_renewed_lease_is_never_taken() -> None:
    kube, time = FakeKube(), FakeTime()
    first, second = candidate(kube, time, "a"), candidate(kube, time, "b")
    await first.acquire()
    for _ in range(20):
        time.pass_by(2)
        assert await first._try(allowed_seconds=10)
        assert not await second._try(allowed_seconds=10)


async def test_a_lease_given_back_is_taken_at_once() -> None:
    kube, time = FakeKube(), FakeTime()
    first, second = candidate(kube, time, "a"), candidate(kube, time, "b")
    await first.acquire()
    await first.release()
    assert not first.held()
    assert await second._try(allowed_seconds=10)


async def test_only_the_holder_gives_the_lease_back() -> None:
    kube, time = FakeKube(), FakeTime()
    first, second = candidate(kube, time, "a"), candidate(kube, time, "b")
    await first.acquire()
    time.pass_by(16)
    await second.acquire()
    await first.release()
    assert holder(kube) == "b"


async def test_of_two_that_race_for_an_expired_lease_one_loses() -> None:
    kube, time = FakeKube(), FakeTime()
    await candidate(kube, time, "dead").acquire()
    racers = [candidate(kube, time, name) for name in "bc"]
    for racer in racers:
        await racer._try(allowed_seconds=10)
    time.pass_by(16)
    won = await asyncio.gather(*(racer._try(allowed_seconds=10) for racer in racers))
    assert sorted(won) == [False, True]


async def test_a_leader_that_cannot_renew_stops_before_another_may_lead() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    started = time.seconds
    kube.faults["get", "Lease"] = Transient("the API server is down")
    with pytest.raises(LeadershipLost):
        await first.keep()
    assert time.seconds - started < 15
    assert not first.held()


async def test_a_short_outage_does_not_cost_the_lead() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    kube.faults["get", "Lease"] = Transient("the API server is down")
    time.pass_by(6)
    assert not await first._try(allowed_seconds=4)
    del kube.faults["get", "Lease"]
    assert await first._try(allowed_seconds=4)
    assert first.held()


async def test_a_leader_that_slept_may_write_nothing_when_it_wakes() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    fence = Fence(first.held)
    fence()
    time.pass_by(20)
    with pytest.raises(LeadershipLost):
        fence()


async def test_a_leader_that_gives_the_lease_back_may_not_write_while_it_does() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    kube.faults["apply", "Lease"] = Transient("the answer is on its way")
    with pytest.raises(Transient):
        await first.release()
    assert not first.held()


async def test_a_stolen_lease_is_lost_at_the_next_look() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    kube.objects["Lease", *LEASE]["spec"]["holderIdentity"] = "thief"
    started = time.seconds
    with pytest.raises(LeadershipLost):
        await first.keep()
    assert time.seconds - started == 2
    assert not first.held()


async def test_whoever_lost_the_lease_follows_until_it_is_free_again() -> None:
    kube, time = FakeKube(), FakeTime()
    first = candidate(kube, time, "a")
    await first.acquire()
    kube.objects["Lease", *LEASE]["spec"]["holderIdentity"] = "thief"
    with pytest.raises(LeadershipLost):
        await first.keep()
    await first.acquire()
    assert first.held()
    assert holder(kube) == "a"


async def test_transitions_count_the_changes_of_holder() -> None:
    kube, time = FakeKube(), FakeTime()
    first, second = candidate(kube, time, "a"), candidate(kube, time, "b")
    await first.acquire()
    await first._try(allowed_seconds=10)
    assert kube.objects["Lease", *LEASE]["spec"]["leaseTransitions"] == 0
    time.pass_by(16)
    await second.acquire()
    assert kube.objects["Lease", *LEASE]["spec"]["leaseTransitions"] == 1
