"""Events: aggregated, limited, and without secrets."""

from datetime import timedelta

import pytest

from tests.support.fake_kube import FakeKube
from tests.support.fake_time import FakeTime
from trifocal.kube.errors import Transient
from trifocal.kube.recorder import BURST, Occurrence, Recorder, without_secrets

MD = {
    "apiVersion": "trifocal.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"namespace": "ns", "name": "pages", "uid": "u", "resourceVersion": "7"},
}


def happened(reason: str = "Optimizing", note: str = "The Job runs.") -> Occurrence:
    return Occurrence(type="Normal", reason=reason, action="Optimize", note=note)


def recorder(kube: FakeKube, time: FakeTime) -> Recorder:
    return Recorder(kube, instance="trifocal-0", now=time.now)


def events(kube: FakeKube) -> list[dict[str, object]]:
    return [obj for (kind, _, _), obj in kube.objects.items() if kind == "Event"]


async def test_an_event_says_what_happened_to_which_object() -> None:
    kube = FakeKube()
    await recorder(kube, FakeTime()).record(MD, happened())
    (event,) = events(kube)
    assert event["apiVersion"] == "events.k8s.io/v1"
    assert (event["reason"], event["action"], event["note"]) == (
        "Optimizing",
        "Optimize",
        "The Job runs.",
    )
    assert event["regarding"] == {
        "apiVersion": "trifocal.dev/v1alpha1",
        "kind": "ModelDeployment",
        "namespace": "ns",
        "name": "pages",
        "uid": "u",
        "resourceVersion": "7",
    }


async def test_the_same_event_again_is_counted() -> None:
    kube, time = FakeKube(), FakeTime()
    told = recorder(kube, time)
    for _ in range(3):
        await told.record(MD, happened())
        time.pass_by(10)
    (event,) = events(kube)
    series = event["series"]
    assert isinstance(series, dict)
    assert series["count"] == 3


async def test_the_same_event_much_later_is_a_new_one() -> None:
    kube, time = FakeKube(), FakeTime()
    told = recorder(kube, time)
    await told.record(MD, happened())
    time.pass_by(timedelta(minutes=7).total_seconds())
    await told.record(MD, happened())
    assert len(events(kube)) == 2


async def test_an_object_that_flaps_is_silenced_and_heard_again_later() -> None:
    kube, time = FakeKube(), FakeTime()
    told = recorder(kube, time)
    for number in range(BURST + 10):
        time.pass_by(0.001)
        await told.record(MD, happened(note=f"Attempt {number}."))
    assert len(events(kube)) == BURST
    time.pass_by(timedelta(minutes=5).total_seconds())
    await told.record(MD, happened(note="Later."))
    assert len(events(kube)) == BURST + 1


async def test_one_object_that_flaps_does_not_silence_another() -> None:
    kube, time = FakeKube(), FakeTime()
    told = recorder(kube, time)
    for number in range(BURST + 1):
        await told.record(MD, happened(note=f"Attempt {number}."))
        time.pass_by(0.001)
    other = {**MD, "metadata": {**MD["metadata"], "uid": "other", "name": "other"}}  # type: ignore[dict-item]
    before = len(events(kube))
    await told.record(other, happened())
    assert len(events(kube)) == before + 1


async def test_an_event_that_cannot_be_posted_fails_nobody() -> None:
    kube = FakeKube()
    kube.faults["apply", "Event"] = Transient("down")
    await recorder(kube, FakeTime()).record(MD, happened())
    assert events(kube) == []


async def test_a_long_note_is_cut_to_what_the_server_takes() -> None:
    kube = FakeKube()
    await recorder(kube, FakeTime()).record(MD, happened(note="ä" * 2000))
    (event,) = events(kube)
    note = event["note"]
    assert isinstance(note, str)
    assert len(note.encode()) <= 1024


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET https://user:secret@host/m.onnx failed", "GET https://host/m.onnx failed"),
        (
            "https://b.s3.amazonaws.com/m?X-Amz-Signature=abc&X-Amz-Credential=d is 403",
            "https://b.s3.amazonaws.com/m is 403",
        ),
        ("s3://key:secret@bucket/model and more", "s3://bucket/model and more"),
        ("nothing to hide: 50% of 3 pods", "nothing to hide: 50% of 3 pods"),
    ],
)
def test_credentials_in_urls_are_taken_out(text: str, clean: str) -> None:
    assert without_secrets(text) == clean
