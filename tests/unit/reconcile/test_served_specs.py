"""What is kept of specs that served: enough to go back, on the Service alone, and bounded."""

import base64
import json
import random
import zlib

import pytest
import yaml

from tests.golden.render import INPUTS
from tests.support.manifests import Manifest, changed, full, minimal
from tests.support.world import World
from tests.support.world_seen import served
from trifocal.api.manifest import parse
from trifocal.reconcile.served_specs import (
    MAX_PACKED,
    SERVED_SPECS_ANNOTATION,
    SPECS_KEPT,
    ServedSpec,
    served_specs,
    spec_of,
    with_switch,
)

BODIES = [minimal(), full(), *(yaml.safe_load(path.read_text()) for path in INPUTS)]


def memory(w: World, limit: str) -> None:
    w.edit(lambda b: changed(b, "spec.serving.resources", {"limits": {"memory": limit}}))
    w.settle()


def noted(w: World) -> tuple[ServedSpec, ...]:
    annotations = w.objects["Service", "digits"]["metadata"]["annotations"]
    return served_specs(annotations.get(SERVED_SPECS_ANNOTATION))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body["metadata"]["name"])
def test_a_kept_spec_says_the_same_without_defaults(body: Manifest) -> None:
    body["metadata"] |= {"uid": "u", "namespace": "default"}
    md = parse(body)
    kept = spec_of(md)
    rest = {"replicas": md.spec.replicas, "suspend": md.spec.suspend}
    assert parse({**body, "spec": {**kept, **rest}}).spec == md.spec
    assert not {"replicas", "suspend"} & kept.keys()


def test_of_a_minimal_spec_nothing_is_added() -> None:
    body = minimal()
    body["metadata"] |= {"uid": "u"}
    assert spec_of(parse(body)) == body["spec"]


def test_the_last_that_got_the_traffic_comes_first() -> None:
    w = served()
    first = w.selected()
    memory(w, "2Gi")
    second = w.selected()
    assert [each.revision for each in noted(w)] == [second, first]
    new, old = noted(w)
    assert new.spec["serving"] == {"resources": {"limits": {"memory": "2Gi"}}}
    assert old.spec == minimal()["spec"]
    w.edit(lambda body: {**body, "spec": dict(old.spec)})
    w.settle()
    assert [each.revision for each in noted(w)] == [first, second]


def test_a_revision_that_never_had_the_traffic_is_not_kept() -> None:
    w = served()
    w.behaviour = lambda spec: "differs" if "c" * 64 in str(spec) else "good"
    w.edit(lambda body: changed(body, "spec.optimization.precisions", ["fp16"]))
    w.settle()
    assert [each.revision for each in noted(w)] == [w.selected()]


def test_another_number_of_pods_is_no_other_spec_and_writes_no_service() -> None:
    w = served()
    before = w.objects["Service", "digits"]
    w.edit(lambda body: changed(body, "spec.replicas", 3))
    w.settle()
    assert w.objects["Service", "digits"] == before


def test_a_service_of_an_earlier_release_is_left_as_it_is() -> None:
    w = served()
    live = w.objects["Service", "digits"]
    del live["metadata"]["annotations"][SERVED_SPECS_ANNOTATION]
    text = json.dumps(live["metadata"]["annotations"])
    w.settle()
    assert SERVED_SPECS_ANNOTATION not in json.loads(text)
    memory(w, "2Gi")
    assert [each.revision for each in noted(w)] == [w.selected()]


def test_traffic_that_moves_back_puts_the_known_spec_first() -> None:
    text = with_switch(with_switch(None, "a", {"of": "a"}), "b", {"of": "b"})
    back = served_specs(with_switch(text, "a", None))
    assert [(each.revision, each.spec) for each in back] == [
        ("a", {"of": "a"}),
        ("b", {"of": "b"}),
    ]
    assert with_switch(None, "unknown", None) is None


def test_there_are_no_more_than_ten() -> None:
    text = None
    for number in range(SPECS_KEPT + 3):
        text = with_switch(text, str(number), {"number": number})
    assert [each.revision for each in served_specs(text)] == [
        str(number) for number in range(SPECS_KEPT + 2, 2, -1)
    ]


def test_ten_specs_that_differ_in_a_field_take_little_more_than_one() -> None:
    one = with_switch(None, "0" * 10, minimal()["spec"])
    text = one
    for number in range(1, SPECS_KEPT):
        spec = changed(minimal(), "spec.serving", {"number": number})["spec"]
        text = with_switch(text, str(number) * 10, spec)
    assert one is not None
    assert text is not None
    assert len(text) < len(one) + 50 * SPECS_KEPT < 1024


def test_specs_that_do_not_fit_drop_the_oldest() -> None:
    noise = random.Random(7)  # noqa: S311 - bytes that do not compress
    text = None
    for number in range(3):
        words = base64.b64encode(noise.randbytes(MAX_PACKED // 3)).decode()
        text = with_switch(text, str(number), {"words": words})
    assert text is not None
    assert len(text) <= MAX_PACKED
    assert [each.revision for each in served_specs(text)] == ["2", "1"]
    too_large = base64.b64encode(noise.randbytes(2 * MAX_PACKED)).decode()
    assert with_switch(text, "3", {"words": too_large}) is None


@pytest.mark.parametrize(
    "text",
    [
        "words",
        base64.b64encode(b"no deflate").decode(),
        base64.b64encode(zlib.compress(b"[[]]")).decode(),
        base64.b64encode(zlib.compress(b"[" * 100_000)).decode(),
        base64.b64encode(zlib.compress(bytes(2**28))).decode(),
    ],
    ids=["text", "bytes", "a list", "deep", "a bomb"],
)
def test_what_a_person_wrote_there_counts_as_nothing(text: str) -> None:
    assert served_specs(text) == ()
    assert [s.revision for s in served_specs(with_switch(text, "a", {}))] == ["a"]
