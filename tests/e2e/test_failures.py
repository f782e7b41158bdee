"""Each way that a first deployment can fail: its reason, its sentence, and nothing lost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.conftest import NAMESPACE
from tests.e2e.fixtures import DataSet
from tests.e2e.workload import Workload
from tests.support.quadrants import LABELS

WRONG_DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One broken manifest, and what its status must say."""

    name: str
    reason: str
    words: str
    source: str | None = None
    """File of the source, when it is another one."""
    evaluation: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)

    def broken(self, workload: Workload) -> Mapping[str, Any]:
        """The spec's changes."""
        spec = dict(self.spec)
        if self.source:
            spec["model"] = {"source": workload.on_claim(self.source)}
        if self.evaluation:
            spec["optimization"] = {"datasets": {"evaluation": workload.on_claim(self.evaluation)}}
        return spec


def _from(uri: str, **more: object) -> Mapping[str, Any]:
    source = {"uri": uri, "claimName": None, "digest": WRONG_DIGEST, **more}
    return {"model": {"source": source}}


def _unseen(max_drop: float, job: Mapping[str, Any]) -> Mapping[str, Any]:
    """A gate that no other test has: a known recipe would be answered from the store, unworked."""
    return {"optimization": {"gate": {"accuracy": {"maxDrop": max_drop}}, "job": job}}


FAILURES = (
    Failure(
        name="bad-digest",
        spec={"model": {"source": {"digest": WRONG_DIGEST}}},
        reason="DigestMismatch",
        words=WRONG_DIGEST[:20],
    ),
    Failure(
        name="no-such-file",
        spec={"model": {"source": {"uri": "file:///absent.onnx", "digest": WRONG_DIGEST}}},
        reason="SourceUnreachable",
        words="absent.onnx",
    ),
    Failure(
        name="unreachable-host",
        spec=_from("http://no-such-host.invalid/model.onnx"),
        reason="SourceUnreachable",
        words="no-such-host.invalid",
    ),
    Failure(name="truncated", source="truncated.onnx", reason="ModelInvalid", words="ONNX"),
    Failure(
        name="wrong-input",
        spec={"model": {"inputs": [{"name": "pixels", "shape": [3, 16, 16]}]}},
        reason="InputMismatch",
        words="image",
    ),
    Failure(
        name="missing-label",
        spec={"model": {"labels": [*LABELS, "centre"]}},
        reason="LabelsMismatch",
        words="5",
    ),
    Failure(
        name="no-labels",
        evaluation="unlabelled.tar",
        reason="DatasetInvalid",
        words="labels.csv",
    ),
    Failure(
        name="strange-labels",
        evaluation="strange-labels.tar",
        reason="DatasetInvalid",
        words="top-left",
    ),
    Failure(
        name="path-traversal",
        evaluation="traversal.tar",
        reason="ArchiveRefused",
        words="escaped.png",
    ),
    Failure(
        name="missing-secret",
        spec=_from("s3://bucket/model.onnx", secretRef={"name": "absent-secret"}),
        reason="SecretMissing",
        words="absent-secret",
    ),
    Failure(
        name="missing-claim",
        spec={"model": {"source": {"claimName": "absent-claim"}}},
        reason="ClaimMissing",
        words="absent-claim",
    ),
    Failure(
        name="missing-account",
        spec={"serviceAccountName": "absent-account"},
        reason="ServiceAccountMissing",
        words="absent-account",
    ),
    Failure(
        name="out-of-memory",
        spec=_unseen(0.11, {"resources": {"limits": {"memory": "48Mi"}}}),
        reason="OutOfMemory",
        words="48Mi",
    ),
    Failure(
        name="disk-full",
        spec=_unseen(0.12, {"scratchSize": "4k"}),
        reason="DiskFull",
        words="scratchSize",
    ),
    Failure(
        name="deadline",
        spec={
            "optimization": {
                "job": {
                    "deadlineSeconds": 30,
                    "resources": {"requests": {"cpu": "500"}, "limits": {"cpu": "500"}},
                }
            }
        },
        reason="DeadlineExceeded",
        words="30",
    ),
)


@pytest.fixture(scope="module")
def failing(trifocal: Cluster, data: DataSet) -> Iterator[Workload]:
    """All of them at once: they wait for different things."""
    workload = Workload(trifocal, NAMESPACE, data)
    for failure in FAILURES:
        workload.apply(failure.name, failure.broken(workload))
    yield workload
    workload.delete_all()


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: f.name)
def test_failure_has_its_reason_and_its_sentence(failing: Workload, failure: Failure) -> None:
    condition = failing.wait(failure.name, "Ready", status="False", reason=failure.reason)
    assert failure.words in condition["message"]
    assert condition["message"].endswith(".")


def test_following_the_advice_recovers(workload: Workload) -> None:
    workload.apply("advised", _unseen(0.13, {"scratchSize": "4k"}))
    stalled = workload.wait("advised", "Stalled", reason="DiskFull")
    assert "spec.optimization.job.scratchSize" in stalled["message"]
    workload.apply("advised", _unseen(0.13, {"scratchSize": "1Gi"}))
    workload.wait("advised", "Ready")


def test_repairing_the_spec_recovers(workload: Workload) -> None:
    workload.apply("repaired", {"model": {"source": workload.on_claim("truncated.onnx")}})
    workload.wait("repaired", "Stalled", reason="ModelInvalid")
    workload.apply("repaired")
    workload.wait("repaired", "Ready")
    assert workload.condition("repaired", "Stalled") == {}
