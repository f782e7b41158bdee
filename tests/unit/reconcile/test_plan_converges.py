"""Whatever is done to it, wherever the operator dies, the world comes to what the spec asks for.

`World` fails at once when traffic moves to a revision that has proved nothing, when it moves away
from pods that serve to fewer of them, and when a Job or an immutable ConfigMap is applied twice.
"""

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import results
from tests.support.manifests import Manifest, changed, digest
from tests.support.world import World, world
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult

GOOD_SOURCES = "ab"
BAD_SOURCE = "d"
DIFFERING, CRASHING = 3, 4
"""Instances per pod that stand for a revision that answers wrongly, or crashes."""


def optimizer(_digest: str, body: Manifest) -> OptimizationResult:
    letter = body["spec"]["model"]["source"]["digest"][-1]
    return results.refused() if letter == BAD_SOURCE else results.artifact(letter)


def instances(pod_spec: Manifest) -> int:
    """Written into the pods by way of their GPU count, the one thing of both that is visible."""
    limits = pod_spec["containers"][0].get("resources", {}).get("limits", {})
    return int(limits.get("example.com/device", 1))


def behaviour(pod_spec: Manifest) -> str:
    return {DIFFERING: "differs", CRASHING: "crash"}.get(instances(pod_spec), "good")


Action = Callable[[World], object]


def change_model(letter: str) -> Action:
    return lambda w: w.edit(lambda b: changed(b, "spec.model.source.digest", digest(letter)))


def change_serving(count: int) -> Action:
    device = {"resource": "example.com/device", "count": count}
    return lambda w: w.edit(lambda b: changed(b, "spec.serving.accelerator", device))


def scale(replicas: int) -> Action:
    return lambda w: w.edit(lambda b: changed(b, "spec.replicas", replicas))


def keep_free(places: int) -> Action:
    return lambda w: w.edit(lambda b: changed(b, "spec.serving.headroom.replicas", places))


def time_passes(times: int) -> Action:
    def pass_and_tick(w: World) -> None:
        for _ in range(times):
            w.reconcile()
            w.tick()

    return pass_and_tick


def operator_dies_before(write: int) -> Action:
    return lambda w: w.reconcile(crash_before_write=write)


ACTIONS = st.one_of(
    st.builds(change_model, st.sampled_from(GOOD_SOURCES + BAD_SOURCE)),
    st.builds(change_serving, st.sampled_from([1, 2, DIFFERING, CRASHING])),
    st.builds(scale, st.integers(0, 3)),
    st.builds(keep_free, st.integers(0, 2)),
    st.builds(time_passes, st.integers(1, 8)),
    st.builds(time_passes, st.integers(1, 8)),
    st.builds(operator_dies_before, st.integers(0, 6)),
    st.builds(lambda: lambda w: w.tick()),
    st.builds(lambda number: lambda w: w.kill_pod(number), st.integers(0, 9)),
    st.builds(lambda: lambda w: w.delete("Service", "digits")),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(script=st.lists(ACTIONS, min_size=4, max_size=16))
def test_every_life_ends_in_what_the_spec_asks_for(script: list[Action]) -> None:
    w = world(optimizer, behaviour=behaviour)
    for action in script:
        action(w)
        assert_one_job_per_digest(w)
    last = w.settle()
    assert (last.apply, last.delete, last.smoke) == ((), (), None)
    assert_right_traffic(w)
    assert_headroom(w)
    assert_nothing_left_over(w)
    assert_status_is_a_fixed_point(w)


def assert_one_job_per_digest(w: World) -> None:
    jobs = [obj for (kind, _), obj in w.objects.items() if kind == "Job"]
    digests = Counter(j["metadata"]["annotations"][names.REQUEST_ANNOTATION] for j in jobs)
    assert all(count == 1 for count in digests.values())


def assert_right_traffic(w: World) -> None:
    spec, reported = w.body["spec"], w.body["status"]
    letter = spec["model"]["source"]["digest"][-1]
    devices = spec.get("serving", {}).get("accelerator", {}).get("count", 1)
    replicas = spec.get("replicas", 1)
    ready = next(c for c in reported["conditions"] if c["type"] == "Ready")
    serving = w.selected()
    if letter == BAD_SOURCE:
        assert (ready["status"], ready["reason"]) == ("False", "SourceBelowGate")
    elif devices in {DIFFERING, CRASHING} and replicas > 0:
        assert serving != reported["revision"]["wanted"]
        expected = "AnswersDiffer" if devices == DIFFERING else "Crashing"
        assert (ready["status"], ready["reason"]) == ("False", expected)
    elif ready["reason"] == "AnswersDiffer":
        assert devices == DIFFERING  # it was refused before it was scaled to zero
    else:
        assert ready["status"] == "True"
        assert replicas == 0 or serving == reported["revision"]["wanted"]
    if serving != "none":
        assert len(w.ready(serving)) == replicas


def assert_headroom(w: World) -> None:
    places = w.body["spec"].get("serving", {}).get("headroom", {}).get("replicas", 0)
    kept = w.objects.get(("Deployment", "digits-headroom"))
    if places == 0:
        assert kept is None
    elif w.selected() != "none":
        assert kept is not None
        assert w.body["status"]["headroom"] == {"replicas": places, "readyReplicas": places}


def assert_nothing_left_over(w: World) -> None:
    kept = {w.selected(), w.body["status"]["revision"].get("wanted")}
    deployments = w.look().deployments
    assert {d["metadata"]["labels"][names.REVISION_LABEL] for d in deployments} <= kept


def assert_status_is_a_fixed_point(w: World) -> None:
    reported, before = w.body["status"], w.writes
    w.reconcile()
    assert w.body["status"] == reported
    assert w.writes == before
