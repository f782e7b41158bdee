"""Manifests become a ModelDeployment, or one sentence for each thing that is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.manifests import changed, digest, full, minimal
from trifocal.api.condition import ConditionType, Reason
from trifocal.api.manifest import InvalidSpec, parse, parse_file, stored_conditions


def stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """As the API server returns it."""
    server = {"uid": "u-1", "generation": 4, "resourceVersion": "77", "managedFields": []}
    return {**manifest, "metadata": {**manifest["metadata"], **server}}


def problems(manifest: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        parse(stored(manifest))
    return [str(problem) for problem in caught.value.problems]


def test_an_object_of_the_api_server_is_parsed_and_other_metadata_ignored() -> None:
    parsed = parse(stored(minimal("digits", "vision")) | {"status": {"replicas": 2}})
    assert parsed.key == ("vision", "digits")
    assert (parsed.metadata.uid, parsed.metadata.generation) == ("u-1", 4)
    assert parsed.metadata.deleting is False
    assert parsed.status == {"replicas": 2}
    assert parsed.spec.model.labels == ("zero", "one", "two")


def test_an_object_that_is_being_deleted_says_so() -> None:
    body = stored(minimal())
    body["metadata"]["deletionTimestamp"] = "2026-11-25T10:00:00Z"
    assert parse(body).metadata.deleting is True


def test_objects_with_one_spec_keep_their_own_names_and_status() -> None:
    one, other = (parse(stored(minimal(name)) | {"status": {"of": name}}) for name in "ab")
    assert (one.metadata.name, one.status) == ("a", {"of": "a"})
    assert (other.metadata.name, other.status) == ("b", {"of": "b"})
    assert one.spec == other.spec
    assert problems(minimal("9")) == problems(minimal("9"))
    assert "Service's name" in problems(minimal("9"))[0]


def test_every_field_is_read() -> None:
    spec = parse(stored(full())).spec
    assert spec.model_dump(mode="json", by_alias=True, exclude_none=True) == full()["spec"]


WITHOUT_DATA = {"fp32", "fp16", "int8-dynamic", "int8-weights", "codebook8"}


@pytest.mark.parametrize(
    ("roles", "more_precisions", "ratios"),
    [
        ((), set(), []),
        (("calibration",), {"int8", "int16"}, []),
        (("training",), {"int8-qat"}, [0.3, 0.5]),
        (("calibration", "training"), {"int8", "int16", "int8-qat"}, [0.3, 0.5]),
    ],
)
def test_what_is_tried_by_default_is_what_the_data_allow(
    roles: tuple[str, ...], more_precisions: set[str], ratios: list[float]
) -> None:
    manifest = minimal()
    for role in roles:
        place = {"uri": f"https://example.com/{role}.tar", "digest": digest("c")}
        manifest = changed(manifest, f"spec.optimization.datasets.{role}", place)
    spec = parse(stored(manifest)).spec.optimization
    assert set(spec.precisions) == WITHOUT_DATA | more_precisions
    assert [each.ratio for each in spec.pruning] == ratios


@pytest.mark.parametrize(
    ("task", "detection", "metric"),
    [
        ("classification", None, "top1"),
        ("detection", {"layout": "yolo"}, "map"),
        ("segmentation", None, "miou"),
    ],
)
def test_each_task_has_a_metric_of_its_own(
    task: str, detection: dict[str, Any] | None, metric: str
) -> None:
    manifest = changed(minimal(), "spec.model.task", task)
    if detection is not None:
        manifest = changed(manifest, "spec.model.detection", detection)
    spec = parse(stored(manifest)).spec
    assert spec.optimization.gate.accuracy.metric_of(spec.model.task) == metric


def test_a_detector_may_know_one_class() -> None:
    manifest = changed(minimal(), "spec.model.task", "detection")
    manifest = changed(manifest, "spec.model.detection", {"layout": "boxes"})
    manifest = changed(manifest, "spec.model.labels", ["face"])
    assert parse(stored(manifest)).spec.model.labels == ("face",)


def test_each_problem_is_one_sentence_with_its_path() -> None:
    manifest = changed(minimal(), "spec.replicas", "three")
    manifest = changed(manifest, "spec.model.source.digest", "sha256:12")
    assert problems(manifest) == [
        (
            'spec.model.source.digest: "sha256:12" must be sha256: and then the 64 '
            "lowercase hex digits that `sha256sum FILE` prints."
        ),
        'spec.replicas: "three" should be a valid integer.',
    ]


def test_a_number_in_quotes_is_refused_as_the_api_server_does() -> None:
    assert problems(changed(minimal(), "spec.replicas", "3")) == [
        'spec.replicas: "3" should be a valid integer.'
    ]


def test_a_field_that_does_not_exist_is_named_with_the_one_that_was_meant() -> None:
    assert problems(changed(minimal(), "spec.model.lables", ["a", "b"])) == [
        "spec.model.lables: There is no such field; did you mean labels?"
    ]
    assert problems(changed(minimal(), "spec.model.inputs.0.zebra", 1)) == [
        "spec.model.inputs[0].zebra: There is no such field."
    ]


def test_a_missing_field_is_named_and_what_follows_from_it_is_not() -> None:
    manifest = minimal()
    del manifest["spec"]["optimization"]["datasets"]["evaluation"]
    assert problems(manifest) == ["spec.optimization.datasets.evaluation: It is required; add it."]


def test_a_missing_spec_is_one_problem() -> None:
    assert problems({"metadata": {"name": "a", "namespace": "b"}}) == [
        "spec: null should be an object."
    ]


def test_rules_between_fields_are_all_reported() -> None:
    manifest = changed(minimal(), "spec.optimization.gate.accuracy.metric", "top5")
    manifest = changed(manifest, "spec.optimization.precisions", ["int8"])
    assert problems(manifest) == [
        (
            "spec.optimization.gate.accuracy.metric: With 5 labels or fewer, every image is "
            "among the best 5; set metric to top1."
        ),
        (
            "spec.optimization.datasets.calibration: int8 and int16 need images to calibrate with; "
            "name an archive of them, or take both out of precisions."
        ),
    ]


def test_what_the_api_server_cannot_check_is_checked_here() -> None:
    assert problems(changed(minimal(), "spec.model.labels", ["cat", "dog", "cat"])) == [
        (
            "spec.model.labels: Two labels are the same, so labels.csv could mean either; make "
            "each unique."
        )
    ]
    assert problems(changed(minimal(), "spec.optimization.precisions", ["fp32", "fp32"])) == [
        "spec.optimization.precisions: A precision is named twice; remove one."
    ]
    twice = [{"runtime": "onnxruntime"}, {"runtime": "litert"}, {"runtime": "litert"}]
    assert problems(changed(minimal(), "spec.optimization.targets", twice)) == [
        "spec.optimization.targets: A runtime is named twice; remove one."
    ]


def test_a_file_needs_no_namespace_but_the_right_kind() -> None:
    manifest = minimal()
    del manifest["metadata"]["namespace"]
    assert parse_file(manifest).key == ("default", "digits")
    with pytest.raises(InvalidSpec) as caught:
        parse_file({**manifest, "kind": "Deployment", "apiVersion": "apps/v1"})
    assert str(caught.value) == (
        "kind: This is apps/v1 Deployment; write apiVersion: trifocal.dev/v1alpha1, kind: "
        "ModelDeployment."
    )


def test_a_file_without_a_name_is_refused() -> None:
    manifest = minimal()
    manifest["metadata"] = None
    with pytest.raises(InvalidSpec, match="The object has no name; give it one"):
        parse_file(manifest)


CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "It serves.",
    "observedGeneration": 3,
    "lastTransitionTime": "2026-11-25T10:00:00Z",
}


def test_stored_conditions_are_read_back() -> None:
    (condition,) = stored_conditions({"conditions": [CONDITION]})
    assert (condition.type, condition.reason) == (ConditionType.READY, Reason.READY)
    assert condition.last_transition_time.isoformat() == "2026-11-25T10:00:00+00:00"


@pytest.mark.parametrize(
    "junk",
    [
        {**CONDITION, "type": "Radiant"},
        {**CONDITION, "reason": "FromTheFuture"},
        {**CONDITION, "lastTransitionTime": "2026-11-25T10:00:00"},
        {**CONDITION, "status": None},
        {},
        None,
        "Ready",
    ],
)
def test_a_condition_that_cannot_be_read_is_left_out(junk: Any) -> None:
    assert len(stored_conditions({"conditions": [junk, CONDITION]})) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CONDITION, "conditions"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_status_breaks_the_reader(status: Any) -> None:
    assert isinstance(stored_conditions(status), tuple)


@given(JSON)
def test_no_spec_gets_past_but_as_invalid(spec: Any) -> None:
    with pytest.raises(InvalidSpec):
        parse(stored({**minimal(), "spec": spec}))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("start", "every monday", "such as 0 7 * * 1-5 for 7:00 on weekdays"),
        ("end", "0 25 * * *", "such as 0 7 * * 1-5 for 7:00 on weekdays"),
        ("start", "0 0 7 * * 1-5", "a cron expression of five fields"),
        ("timeZone", "Europe/Atlantis", "such as Europe/Berlin or UTC"),
        ("timeZone", "../etc/passwd", "such as Europe/Berlin or UTC"),
    ],
)
def test_a_schedule_that_no_clock_can_follow_is_refused(
    field: str, value: str, sentence: str
) -> None:
    (problem,) = problems(changed(full(), f"spec.scaling.schedules.0.{field}", value))

    assert problem.startswith(f"spec.scaling.schedules[0].{field}: ")
    assert sentence in problem


def test_two_schedules_of_one_name_are_refused() -> None:
    manifest = full()
    manifest["spec"]["scaling"]["schedules"] *= 2

    (problem,) = problems(manifest)

    assert "two schedules have the same name" in problem


def test_two_times_of_more_headroom_have_two_names() -> None:
    manifest = full()
    manifest["spec"]["serving"]["headroom"]["schedules"] *= 2

    (problem,) = problems(manifest)

    assert problem.startswith("spec.serving.headroom.schedules: two schedules have the same name")


def test_a_schedule_only_raises_the_headroom() -> None:
    (problem,) = problems(changed(full(), "spec.serving.headroom.replicas", 2))

    assert problem.startswith("spec.serving.headroom.schedules: ")
    assert "no more places free than replicas, 2" in problem


SCHEDULE = {"name": "office", "start": "0 7 * * 1-5", "end": "0 19 * * 1-5"}


def down_to_no_pods(**wakes: Any) -> dict[str, Any]:
    scaling = {
        "minReplicas": 0,
        "maxReplicas": 4,
        "objective": {"latency": {"maxMilliseconds": 50}},
        **wakes,
    }
    return changed(minimal(), "spec.scaling", scaling)


@pytest.mark.parametrize(
    "wakes",
    [
        {},
        {"wakeUp": {"idleSeconds": 600}},
        {"schedules": [{**SCHEDULE, "maxReplicas": 2}]},
    ],
)
def test_no_pods_are_refused_where_nothing_would_wake_the_model(wakes: dict[str, Any]) -> None:
    (problem,) = problems(down_to_no_pods(**wakes))
    assert problem.startswith("spec.scaling.minReplicas: minReplicas is 0, and nothing would wake")


@pytest.mark.parametrize(
    "wakes",
    [
        {"wakeUp": {"prometheus": {"query": "sum(waiting)"}}},
        {"schedules": [{**SCHEDULE, "minReplicas": 1}]},
    ],
)
def test_a_query_or_a_schedule_wakes_a_model(wakes: dict[str, Any]) -> None:
    parsed = parse(stored(down_to_no_pods(**wakes))).spec.scaling
    assert parsed is not None
    assert (parsed.min_replicas, parsed.idle_seconds) == (0, 300)
