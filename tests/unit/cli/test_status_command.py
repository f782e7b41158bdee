"""What `trifocal status` reads, and what it says when there is nothing to read."""

import json

import pytest
from click.testing import CliRunner

from tests.support.fake_kube import FakeKube
from tests.support.manifests import minimal
from trifocal.api import names
from trifocal.cli.status import as_json, read_chain, status


async def test_it_reads_the_object_and_its_children() -> None:
    kube = FakeKube()
    kube.put(minimal())
    labels = {names.NAME_LABEL: "digits"}
    for kind in ("Deployment", "Pod", "Service"):
        kube.put(
            {"kind": kind, "metadata": {"name": "x", "namespace": "default", "labels": labels}}
        )
    chain = await read_chain(kube, "default", "digits")
    assert chain is not None
    assert [len(chain.deployments), len(chain.pods), len(chain.services)] == [1, 1, 1]
    assert set(kube.selectors) == {"trifocal.dev/model-deployment=digits"}
    assert kube.writes == []


async def test_an_absent_object_is_none() -> None:
    assert await read_chain(FakeKube(), "default", "digits") is None


async def test_json_is_for_programs() -> None:
    kube = FakeKube()
    kube.put(minimal())
    chain = await read_chain(kube, "default", "digits")
    assert chain is not None
    told = json.loads(as_json(chain))
    assert told["progress"] == "waiting"
    assert told["modelDeployment"]["metadata"]["name"] == "digits"


def test_without_a_cluster_it_says_so_in_a_sentence(tmp_path: object) -> None:
    result = CliRunner(env={"KUBECONFIG": f"{tmp_path}/absent"}).invoke(status, ["digits"])
    assert result.exit_code == 3
    assert result.output.startswith("Error: ")


def test_a_wrong_option_is_no_time_out() -> None:
    """Its exit code in click is 2."""
    assert CliRunner().invoke(status, ["digits", "--timeout", "soon"]).exit_code == 3


@pytest.mark.parametrize(
    "option", ["--namespace", "--wait", "--context", "--kubeconfig", "--timeout", "--output"]
)
def test_help_names_each_option(option: str) -> None:
    assert option in CliRunner().invoke(status, ["--help"]).output
