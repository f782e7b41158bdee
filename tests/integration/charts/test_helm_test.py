"""The pod of `helm test`: admitted with restricted pods only, no rights, and what it asks."""

import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from hack.cluster.polling import becomes_true
from tests.integration.charts.conftest import CHART, Render
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.operator_process import OperatorProcess, operator

pytestmark = pytest.mark.integration

POD = ("Pod", "trifocal-operator-test")


def test_it_is_a_test_hook_that_leaves_nothing_when_it_succeeds(render: Render) -> None:
    # https://helm.sh/docs/topics/chart_tests/, https://helm.sh/docs/topics/charts_hooks/
    notes = render()[POD]["metadata"]["annotations"]
    assert notes["helm.sh/hook"] == "test"
    assert notes["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_it_has_no_token_and_is_no_operator(render: Render) -> None:
    rendered = render()
    pod = rendered[POD]
    assert pod["spec"]["automountServiceAccountToken"] is False
    selector = rendered["Service", "trifocal-operator-metrics"]["spec"]["selector"]
    assert not selector.items() <= pod["metadata"]["labels"].items()


def test_it_is_admitted_where_only_restricted_pods_are(
    control_plane: ControlPlane, system: str, render: Render
) -> None:
    pod = {**render(namespace=system)[POD]}
    pod["metadata"] = {**pod["metadata"], "name": "another"}
    path = f"/api/v1/namespaces/{system}/pods?dryRun=All"
    status, answer = control_plane.request("POST", path, pod)
    assert status == HTTPStatus.CREATED, answer


def test_it_may_ask_where_only_some_may_scrape(render: Render) -> None:
    scraper = '[{"podSelector":{"matchLabels":{"app":"prometheus"}}}]'
    rendered = render({"networkPolicy.metricsFrom": scraper})
    (_, metrics) = rendered["NetworkPolicy", "trifocal-operator"]["spec"]["ingress"]
    peers = [peer["podSelector"]["matchLabels"] for peer in metrics["from"]]
    assert peers == [{"app": "prometheus"}, rendered[POD]["metadata"]["labels"]]


def asked(leader: OperatorProcess, render: Render, seconds: float) -> tuple[int, str]:
    """Run what the pod runs, against an operator on this machine."""
    (container,) = render()[POD]["spec"]["containers"]
    script, url, _ = container["args"]
    assert container["command"] == ["python", "-c"]
    assert script == (CHART / "files" / "installed.py").read_text()
    here = url.replace("trifocal-operator-metrics:9090", f"127.0.0.1:{leader.metrics_port}")
    done = subprocess.run(  # noqa: S603 - the chart's own words
        [sys.executable, "-c", script, here, str(seconds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """Of its own: an operator works on everything that it finds."""
    with control_plane() as plane:
        yield plane


def test_it_succeeds_when_an_operator_leads_and_says_what_is_wrong_otherwise(
    plane: ControlPlane, render: Render
) -> None:
    with operator(plane.kubeconfig) as leader:
        leader.wait_until_leading()
        assert asked(leader, render, 60) == (0, "")
        with operator(plane.kubeconfig, name="standby") as standby:
            assert becomes_true(lambda: standby.probe("/readyz") == HTTPStatus.OK, 90)
            none_leads = "operators answer, and none leads: see their logs\n"
            assert asked(standby, render, 3) == (1, none_leads)
        leader.kill()
        code, said = asked(leader, render, 3)
        assert code == 1
        assert said.startswith("no operator answers at http://127.0.0.1")
