"""Model, data and artifacts in S3, with the tenant's own keys: from source to right answers."""

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.e2e.answers import infer
from tests.e2e.cluster import Cluster
from tests.e2e.conftest import NAMESPACE
from tests.e2e.fixtures import write_data
from tests.e2e.workload import Workload
from tests.support.quadrants import image
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, s3_server


@pytest.fixture(scope="module")
def s3(trifocal: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server on the node's address, which pods reach."""
    if not trifocal.local:
        pytest.skip("pods of another cluster cannot reach an S3 server on this machine")
    addresses = trifocal.get("nodes")["items"][0]["status"]["addresses"]
    node = next(each["address"] for each in addresses if each["type"] == "InternalIP")
    with s3_server(tmp_path_factory.mktemp("s3"), node) as server:
        files = tmp_path_factory.mktemp("files")
        write_data(files)
        for path in files.iterdir():
            shutil.copy(path, server.folder / "models" / path.name)
        yield server


def _secret(name: str, secret_key: str) -> dict[str, Any]:
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": secret_key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": keys,
    }


def _spec(workload: Workload, server: S3Server, secret: str) -> dict[str, Any]:
    def moved(file: str) -> dict[str, Any]:
        return {
            **workload.on_claim(file),
            "uri": f"s3://models/{file}",
            "claimName": None,
            "endpoint": server.url,
            "secretRef": {"name": secret},
        }

    return {
        "model": {"source": moved("model.onnx")},
        "optimization": {
            "datasets": {
                "calibration": moved("calibration.tar"),
                "evaluation": moved("evaluation.tar"),
            }
        },
        "artifacts": {
            "uri": "s3://artifacts/e2e",
            "claimName": None,
            "endpoint": server.url,
            "secretRef": {"name": secret},
        },
    }


def test_everything_in_s3(workload: Workload, s3: S3Server) -> None:
    workload.cluster.apply(_secret("s3-keys", SECRET_KEY))
    workload.apply("in-s3", _spec(workload, s3, "s3-keys"))
    workload.wait("in-s3", "Ready")
    picture = (np.asarray(image(3, 1)).transpose(2, 0, 1)[None] / 255).astype(np.float32)
    assert infer(workload, "in-s3", picture).argmax() == 3
    told = workload.cluster.kubectl("get", "mdep,cm,job,deploy,events", "-A", "-o", "yaml")
    assert SECRET_KEY not in told
    assert list((s3.folder / "artifacts").rglob("manifest.json"))


def test_wrong_keys_are_named(workload: Workload, s3: S3Server) -> None:
    workload.cluster.apply(_secret("wrong-keys", "not-the-key"))
    workload.apply("wrong-keys", _spec(workload, s3, "wrong-keys"))
    stalled = workload.wait("wrong-keys", "Stalled", reason="CredentialsInvalid")
    assert "s3://" in stalled["message"]
