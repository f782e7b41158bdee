"""The whole optimization on small models: what is chosen, what is refused, and never twice."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.support.fake_backend import CopyingBackend, TickingClock
from tests.support.memory_store import KilledError, MemoryStore
from tests.support.tiny_models import (
    LABELS,
    add,
    colour_classifier,
    dataset,
    located,
    model_spec,
    request,
)
from trifocal.api.condition import Reason
from trifocal.api.target import Target
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.artifacts.store import Store
from trifocal.optimizer.backends import Open
from trifocal.optimizer.contract import (
    FailureKind,
    OptimizationRequest,
    OptimizationResult,
    Progress,
    ResolvedLocation,
)
from trifocal.optimizer.outcome import failure_of
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.triton.tensorrt import EngineOrigin

WRONG = f"sha256:{'0' * 64}"


def run(
    wanted: OptimizationRequest,
    folder: Path,
    store: Store | None = None,
    listener: Callable[[Progress], None] = lambda _progress: None,
    **means: Any,
) -> OptimizationResult:
    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        place = Workplace(
            store=store or MemoryStore(),
            scratch=scratch,
            announce=Announcer(listener),
            **{"clock": TickingClock(), **means},
        )
        return optimize(wanted, place)
    finally:
        for path in sorted(scratch.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        if scratch.exists():
            scratch.rmdir()


def rows(result: OptimizationResult) -> dict[str, str]:
    return {candidate.name: candidate.verdict for candidate in result.candidates}


def failed(result: OptimizationResult, reason: Reason, kind: FailureKind) -> str:
    assert result.artifact is None
    assert result.failure is not None
    assert (result.failure.reason, result.failure.kind) == (reason, kind), result.failure.message
    assert result.failure.message.endswith(".")
    return result.failure.message


def test_good_model_is_published_with_everything_that_serving_needs(tmp_path: Path) -> None:
    store = MemoryStore()

    result = run(request(tmp_path, precisions=("fp32", "int8")), tmp_path, store)

    assert result.failure is None
    assert {c.name for c in result.candidates} == {"source", "fp32", "int8"}
    assert result.candidates[0].name == "source"
    assert list(rows(result).values()).count("Chosen") == 1
    assert {c.accuracy for c in result.candidates} == {1.0}
    assert (result.inputs[0].name, result.inputs[0].shape) == ("x", (-1, 3, 8, 8))
    assert (result.outputs[0].name, result.outputs[0].shape) == ("scores", (-1, 3))
    assert [point.batch for point in result.capacity] == [1, 2, 4]
    assert result.smoke is not None
    assert len(result.smoke.values) == 3

    (tmp_path / "fetched").mkdir()
    manifest = fetch_artifact(store, result.artifact or "", tmp_path / "fetched")
    assert manifest.metadata["candidate"] == result.chosen
    onnx.checker.check_model(onnx.load(tmp_path / "fetched/model.onnx"))


def test_same_request_is_never_worked_on_twice(tmp_path: Path) -> None:
    store = MemoryStore()
    wanted = request(tmp_path)
    first = run(wanted, tmp_path, store)
    (tmp_path / "model.onnx").unlink()
    writes = len(store.written)
    seen: list[str] = []

    again = run(wanted, tmp_path, store, lambda progress: seen.append(progress.step))

    assert again == first
    assert seen == ["looking for an earlier result"]
    assert len(store.written) == writes


@pytest.mark.parametrize("change", [{"schemaVersion": "other/v2"}, {"request": WRONG}])
def test_recorded_result_of_another_version_or_request_is_not_used(
    tmp_path: Path, change: dict[str, str]
) -> None:
    store = MemoryStore()
    wanted = request(tmp_path, precisions=("fp16",))
    first = run(wanted, tmp_path, store)
    recipe = f"recipes/{first.request.removeprefix('sha256:')}.json"
    store.blobs[recipe] = json.dumps({**json.loads(store.blobs[recipe]), **change}).encode()

    again = run(wanted, tmp_path, store)

    assert again.request == first.request
    assert json.loads(store.blobs[recipe])["request"] == first.request


def test_same_bytes_have_the_same_address(tmp_path: Path) -> None:
    wanted = request(tmp_path, prefer="size")

    assert run(wanted, tmp_path).artifact == run(wanted, tmp_path).artifact


def test_killed_at_any_write_then_run_again(tmp_path: Path) -> None:
    wanted = request(tmp_path, precisions=("fp16",), prefer="size")
    clean = MemoryStore()
    expected = run(wanted, tmp_path, clean)
    for survived in range(len(clean.written)):
        store = MemoryStore(writes_left=survived)
        with pytest.raises(KilledError):
            run(wanted, tmp_path, store)
        store.writes_left = None

        again = run(wanted, tmp_path, store)

        assert again.artifact == expected.artifact
        assert set(store.blobs) == set(clean.blobs)
        # The candidate whose entry had been written is not written again.
        entries = [path for path in store.written if path.endswith("/entry.json")]
        assert len(entries) == 1


def test_int8_that_loses_accuracy_is_refused_and_says_by_how_much(tmp_path: Path) -> None:
    """One channel 5000 times as bright stretches the 8 bits, so that colours fall on one step."""
    wanted = request(
        tmp_path, colour_classifier(outlier=5000.0), precisions=("fp32", "int8"), prefer="size"
    )

    result = run(wanted, tmp_path)

    lost = next(c for c in result.candidates if c.name == "int8")
    assert lost.verdict == "Lost"
    assert lost.accuracy_drop == pytest.approx(2 / 3, abs=1e-3)
    assert "top1 0.3333 is 0.6667 below the source's 1.0000; the gate allows 0.01; " in lost.reason
    assert result.chosen in {"source", "fp32"}


def test_candidate_that_cannot_be_built_stops_no_other(tmp_path: Path) -> None:
    result = run(request(tmp_path, calibration=None), tmp_path)

    assert rows(result)["int8"] == "Failed"
    assert result.artifact is not None


def test_fixed_batch_is_served_one_by_one(tmp_path: Path) -> None:
    wanted = request(
        tmp_path,
        colour_classifier(batch=1, flatten=(1, 3)),
        batching={"maxBatchSize": 1},
        precisions=("fp32",),
    )

    result = run(wanted, tmp_path)

    assert result.failure is None
    assert result.inputs[0].shape == (1, 3, 8, 8)


def test_source_below_its_minimum_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    swapped = dict(zip(LABELS, LABELS[1:] + LABELS[:1], strict=True))
    wrong = [(f"images/{label}-{n}.png", swapped[label]) for label in LABELS for n in range(6)]
    seen: list[str] = []
    wanted = request(
        tmp_path,
        evaluation=dataset(tmp_path / "wrong.tar", wrong),
        gate={"accuracy": {"minimum": 0.9}},
    )

    result = run(wanted, tmp_path, listener=lambda progress: seen.append(progress.step))

    message = failed(result, Reason.SOURCE_BELOW_GATE, FailureKind.STALLED)
    assert message.startswith(
        "The source model misses the gate: top1 0.0000 is below the gate's minimum of 0.9."
    )
    assert rows(result) == {"source": "Lost"}
    assert result.candidates[0].accuracy == 0.0
    assert not any(step.startswith("trying") for step in seen)


def test_source_and_candidates_that_are_all_too_slow_are_refused_with_figures(
    tmp_path: Path,
) -> None:
    wanted = request(
        tmp_path, precisions=("fp32",), gate={"latency": {"maxMilliseconds": 0.000001}}
    )

    result = run(wanted, tmp_path)

    message = failed(result, Reason.SOURCE_BELOW_GATE, FailureKind.STALLED)
    assert "No candidate for onnxruntime meets the gate; source: p99 latency 50." in message
    assert rows(result) == {"source": "Lost", "fp32": "Lost"}
    assert all(c.latency_milliseconds for c in result.candidates)


def test_source_that_is_too_large_loses_to_a_smaller_candidate(tmp_path: Path) -> None:
    """2000 classes: the last layer's 24 kB are most of the file, and fp16 halves them."""
    spec = model_spec(labels=[*LABELS, *(f"other {n}" for n in range(1997))])
    wanted = request(
        tmp_path,
        colour_classifier(classes=2000),
        model=spec,
        precisions=("fp16",),
        gate={"maxSize": "20k"},
    )

    result = run(wanted, tmp_path)

    assert rows(result) == {"source": "Lost", "fp16": "Chosen"}
    assert "the gate allows 20k" in result.candidates[0].reason


# Several targets, and what is done again when the request changes.


def opened(**backends: CopyingBackend) -> Open:
    return lambda _request, _lesson, _folder: {
        target: backends[target] for target in ("onnxruntime", "litert") if target in backends
    }


def two_targets(folder: Path, **changes: Any) -> OptimizationRequest:
    targets = (Target(), Target(runtime="litert"))
    return request(folder, **{"targets": targets, "precisions": ("fp32",), **changes})


def test_changing_only_the_gate_builds_nothing_again(tmp_path: Path) -> None:
    store = MemoryStore()
    server, device = CopyingBackend(), CopyingBackend(end=".tflite")
    backends = opened(onnxruntime=server, litert=device)
    first = run(two_targets(tmp_path), tmp_path, store, backends=backends)
    assert (server.built, device.built) == (["fp32"], ["fp32"])
    evidence = [path for path in store.written if path.endswith("/evidence.json")]

    gate = {"accuracy": {"maxDrop": 0.02}}
    again = run(two_targets(tmp_path, gate=gate), tmp_path, store, backends=backends)

    assert again.request != first.request
    assert (server.built, device.built) == (["fp32"], ["fp32"])
    assert [path for path in store.written if path.endswith("/evidence.json")] == evidence
    assert (again.artifact, again.edges) == (first.artifact, first.edges)
    assert "litert: 1 of 1 candidates had been built before." in again.notes


def test_device_for_which_nothing_passes_is_left_out_with_a_note(tmp_path: Path) -> None:
    device = CopyingBackend(end=".tflite", error=BuildError("LiteRT has no GridSample"))
    backends = opened(onnxruntime=CopyingBackend(), litert=device)

    result = run(two_targets(tmp_path), tmp_path, backends=backends)

    assert result.failure is None
    assert result.artifact is not None
    assert result.edges == ()
    assert (
        "litert: nothing was published, because no candidate passed; fp32: LiteRT has no "
        "GridSample." in result.notes
    )


def test_server_for_which_nothing_can_be_built_says_why(tmp_path: Path) -> None:
    """Not even sketches can be built, so that the search has nothing to try."""
    broken = CopyingBackend(error=BuildError("no parser for GridSample"))
    wanted = request(
        tmp_path, targets=(Target(runtime="tensorrt"),), precisions=("fp32",), search="auto"
    )

    result = run(wanted, tmp_path, backends=lambda *_given: {"tensorrt": broken})

    message = failed(result, Reason.OPTIMIZATION_FAILED, FailureKind.STALLED)
    assert message == (
        "No candidate for tensorrt could be built and run: no parser for GridSample."
    )


def test_candidate_that_was_judged_elsewhere_and_cannot_run_here_stops_no_other(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    run(
        two_targets(tmp_path),
        tmp_path,
        store,
        backends=opened(onnxruntime=CopyingBackend(), litert=CopyingBackend(end=".tflite")),
    )
    refusing = CopyingBackend(end=".tflite", refused=True)

    result = run(
        two_targets(tmp_path, gate={"maxSize": "1Mi"}),
        tmp_path,
        store,
        backends=opened(onnxruntime=CopyingBackend(), litert=refusing),
    )

    assert result.failure is None
    assert {(c.target, c.verdict) for c in result.candidates} >= {("litert", "Failed")}


def test_progress_never_goes_back_with_two_targets(tmp_path: Path) -> None:
    seen: list[int] = []
    backends = opened(onnxruntime=CopyingBackend(), litert=CopyingBackend(end=".tflite"))

    run(
        two_targets(tmp_path),
        tmp_path,
        listener=lambda progress: seen.append(progress.percent),
        backends=backends,
    )

    assert seen == sorted(seen)


def test_engine_tells_the_operator_what_built_it(tmp_path: Path) -> None:
    store = MemoryStore()
    origin = {"tensorrt": "11.2.1.2", "tritonRelease": "26.07", "platform": "linux-x86_64"}
    backend = CopyingBackend(end=".plan", facts={"engine": origin})
    wanted = request(tmp_path, targets=(Target(runtime="tensorrt"),), precisions=("fp32",))

    result = run(wanted, tmp_path, store, backends=lambda *_given: {"tensorrt": backend})

    assert result.engine == EngineOrigin(
        tensorrt="11.2.1.2", triton_release="26.07", platform="linux-x86_64"
    )
    (tmp_path / "fetched").mkdir()
    manifest = fetch_artifact(store, result.artifact or "", tmp_path / "fetched")
    assert manifest.metadata["engine"] == origin
    assert (tmp_path / "fetched/model.plan").is_file()


@pytest.mark.parametrize("change", ["preprocessing", "evaluation"])
def test_source_is_judged_again_when_what_it_sees_changes(tmp_path: Path, change: str) -> None:
    store = MemoryStore()
    run(request(tmp_path, precisions=("fp32",)), tmp_path, store)
    changed: dict[str, Any] = {
        "preprocessing": {"model": model_spec(preprocessing={"colorOrder": "BGR"})},
        "evaluation": {"evaluation": dataset(tmp_path / "more.tar", first_seed=5000)},
    }
    seen: list[str] = []

    run(
        request(tmp_path, precisions=("fp32",), **changed[change]),
        tmp_path,
        store,
        lambda progress: seen.append(progress.step),
    )

    assert "judging the source" in seen


# Failures of the input, each with its reason and its sentence.


def test_bad_digest(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    source = wanted.source.model_copy(update={"digest": WRONG})

    message = failed(
        run(wanted.model_copy(update={"source": source}), tmp_path),
        Reason.DIGEST_MISMATCH,
        FailureKind.STALLED,
    )
    assert f"but {WRONG} is wanted" in message


def test_unreachable_uri(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    source = ResolvedLocation(uri="http://127.0.0.1:1/model.onnx?token=secret", digest=WRONG)

    message = failed(
        run(wanted.model_copy(update={"source": source}), tmp_path),
        Reason.SOURCE_UNREACHABLE,
        FailureKind.TRANSIENT,
    )
    assert message.startswith(
        "http://127.0.0.1:1/model.onnx cannot be reached (Connection refused)"
    )


def test_missing_credentials(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    source = ResolvedLocation(
        uri="s3://bucket/model.onnx", digest=WRONG, credentials_dir=str(tmp_path)
    )

    message = failed(
        run(wanted.model_copy(update={"source": source}), tmp_path),
        Reason.CREDENTIALS_INVALID,
        FailureKind.STALLED,
    )
    assert "has no key AWS_ACCESS_KEY_ID" in message


@pytest.mark.parametrize(
    ("unusual", "reason", "sentence"),
    [
        ({"input_name": "image"}, Reason.INPUT_MISMATCH, "set the name to 'image'"),
        ({"classes": 4}, Reason.LABELS_MISMATCH, "has 4 scores for each image, but"),
        ({"batch": 1, "flatten": (1, 3)}, Reason.MODEL_INVALID, "batches of exactly 1"),
    ],
)
def test_model_that_does_not_fit(
    tmp_path: Path, unusual: dict[str, Any], reason: Reason, sentence: str
) -> None:
    result = run(request(tmp_path, colour_classifier(**unusual)), tmp_path)

    assert sentence in failed(result, reason, FailureKind.STALLED)


@pytest.mark.parametrize("content", [b"\x89PNG not a model", None])
def test_file_that_is_no_model_or_cut_off(tmp_path: Path, content: bytes | None) -> None:
    whole = colour_classifier().SerializeToString()
    (tmp_path / "broken").write_bytes(whole[:200] if content is None else content)
    wanted = request(tmp_path).model_copy(update={"source": located(tmp_path / "broken")})

    message = failed(run(wanted, tmp_path), Reason.MODEL_INVALID, FailureKind.STALLED)
    assert "it is not an ONNX file, or it is cut off" in message


def test_model_that_the_checker_likes_and_the_runtime_does_not(tmp_path: Path) -> None:
    model = colour_classifier()
    model.graph.initializer[1].dims[0] = 1
    model.graph.initializer[1].raw_data = model.graph.initializer[1].raw_data[:12]
    wanted = request(tmp_path, model)

    message = failed(run(wanted, tmp_path), Reason.MODEL_INVALID, FailureKind.STALLED)
    assert message.startswith("ONNX Runtime cannot run the source model (")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([("images/red-0.png", "pink")], "has the label 'pink', which is not in spec.model.labels"),
        ([("images/red-9.png", "red")], "names the file 'images/red-9.png', which is not in"),
        ([], "labels.csv has no rows"),
    ],
)
def test_labels_that_do_not_fit(
    tmp_path: Path, table: list[tuple[str, str]], sentence: str
) -> None:
    wanted = request(tmp_path, evaluation=dataset(tmp_path / "bad.tar", table))

    message = failed(run(wanted, tmp_path), Reason.DATASET_INVALID, FailureKind.STALLED)
    assert sentence in message


def archive(path: Path, fill: Callable[[tarfile.TarFile], None]) -> Path:
    with tarfile.open(path, "w") as packed:
        fill(packed)
    return path


def symlink(packed: tarfile.TarFile) -> None:
    info = tarfile.TarInfo("labels.csv")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed.addfile(info, io.BytesIO())


@pytest.mark.parametrize(
    ("fill", "reason", "sentence"),
    [
        (lambda a: add(a, "a.png", b""), Reason.DATASET_INVALID, "holds no labels.csv"),
        (
            lambda a: add(a, "../evil", b""),
            Reason.ARCHIVE_REFUSED,
            "The evaluation archive is refused: member '../evil' points outside the archive",
        ),
        (
            symlink,
            Reason.ARCHIVE_REFUSED,
            "The evaluation archive is refused: member 'labels.csv' is a symbolic link to",
        ),
    ],
)
def test_archive_that_is_refused(
    tmp_path: Path, fill: Callable[[tarfile.TarFile], None], reason: Reason, sentence: str
) -> None:
    wanted = request(tmp_path, evaluation=archive(tmp_path / "bad.tar", fill))

    assert sentence in failed(run(wanted, tmp_path), reason, FailureKind.STALLED)


def test_image_that_is_damaged(tmp_path: Path) -> None:
    def fill(packed: tarfile.TarFile) -> None:
        add(packed, "page.png", b"\x89PNG\r\n\x1a\n")
        add(packed, "labels.csv", b"file,label\npage.png,red\n")

    wanted = request(tmp_path, evaluation=archive(tmp_path / "bad.tar", fill))

    message = failed(run(wanted, tmp_path), Reason.DATASET_INVALID, FailureKind.STALLED)
    assert message.startswith("page.png is ")


def test_external_data(tmp_path: Path) -> None:
    model = colour_classifier()
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    model.graph.initializer[0].ClearField("raw_data")
    (tmp_path / "external.onnx").write_bytes(model.SerializeToString())
    wanted = request(tmp_path).model_copy(update={"source": located(tmp_path / "external.onnx")})

    message = failed(run(wanted, tmp_path), Reason.MODEL_INVALID, FailureKind.STALLED)
    assert "lies in another file (external data)" in message


def test_contradicting_preprocessing(tmp_path: Path) -> None:
    spec = model_spec(preprocessing={"colorOrder": "GRAY"})

    result = run(request(tmp_path, model=spec), tmp_path)

    assert "colorOrder GRAY has 1" in failed(result, Reason.INVALID_SPEC, FailureKind.STALLED)


# Failures of the machine.


@pytest.mark.parametrize(
    ("error", "reason", "kind", "sentence"),
    [
        (
            MemoryError(),
            Reason.OUT_OF_MEMORY,
            FailureKind.STALLED,
            "raise spec.optimization.job.resources.limits.memory",
        ),
        (
            OSError(28, "No space left on device"),
            Reason.DISK_FULL,
            FailureKind.STALLED,
            "No space is left on the scratch disk; raise spec.optimization.job.scratchSize",
        ),
        (
            OSError(5, "Input/output error"),
            Reason.OPTIMIZATION_FAILED,
            FailureKind.TRANSIENT,
            "failed unexpectedly (OSError: [Errno 5] Input/output error)",
        ),
    ],
)
@pytest.mark.parametrize("step", ["fetching", "judging the source", "trying", "measuring"])
def test_machine_that_gives_out_at_any_step(
    tmp_path: Path,
    step: str,
    error: Exception,
    reason: Reason,
    kind: FailureKind,
    sentence: str,
) -> None:
    def listener(progress: Progress) -> None:
        if progress.step.startswith(step):
            raise error

    result = run(request(tmp_path, precisions=("fp32",)), tmp_path, listener=listener)

    assert sentence in failed(result, reason, kind)


class ReadOnlyStore(MemoryStore):
    """A store on a volume that is mounted read-only."""

    def write(self, path: str, content: bytes) -> None:
        raise RefusedError(Reason.STORE_UNWRITABLE, f"{path} of {len(content)} bytes is refused.")


def test_store_that_cannot_be_written_is_noticed_before_the_work(tmp_path: Path) -> None:
    seen: list[str] = []

    result = run(
        request(tmp_path), tmp_path, ReadOnlyStore(), lambda progress: seen.append(progress.step)
    )

    failed(result, Reason.STORE_UNWRITABLE, FailureKind.STALLED)
    assert seen == ["looking for an earlier result"]


def test_unexpected_error_is_named() -> None:
    failure = failure_of(KeyError("node"))

    assert failure.reason is Reason.OPTIMIZATION_FAILED
    assert "KeyError: 'node'" in failure.message
