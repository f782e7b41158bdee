"""Dashboards and alerts ask for what a real operator shows, in words of a real Prometheus."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from hack.dashboards import BOARDS
from tests.integration.charts.conftest import Render
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import operator
from tests.support.prometheus_server import PrometheusServer, prometheus_server

pytestmark = pytest.mark.integration

EXPRESSIONS = [curve.expr for board in BOARDS for chart in board.charts for curve in chart.curves]
ON = {"dashboards.enabled": "true", "prometheusRule.enabled": "true"}
_OF_A_HISTOGRAM = re.compile("_(bucket|count|sum)$")


@pytest.fixture(scope="module", name="shown")
def _shown(control_plane: ControlPlane) -> set[str]:
    """The families that the operator shows, with samples or without."""
    with operator(control_plane.kubeconfig) as running:
        text = running.wait_until_leading().exposition()
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}


@pytest.fixture(scope="module", name="prometheus")
def _prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with prometheus_server(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


def families(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    names = re.findall(r"trifocal_[a-z_]+", expression)
    return {_OF_A_HISTOGRAM.sub("", name) for name in names}


def alerts(render: Render) -> list[str]:
    (group,) = render(ON)["PrometheusRule", "trifocal-operator"]["spec"]["groups"]
    return [rule["expr"] for rule in group["rules"]]


def test_every_metric_that_is_asked_for_is_shown(render: Render, shown: set[str]) -> None:
    asked = {name for each in (*EXPRESSIONS, *alerts(render)) for name in families(each)}
    assert len(asked) > 20
    assert asked <= shown


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_prometheus_understands_it(prometheus: PrometheusServer, expression: str) -> None:
    query = expression.replace("$namespace", "team-a|team-b").replace("$name", ".*")
    question = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(  # noqa: S310 - the address is ours
        f"{prometheus.url}/api/v1/query?{question}"
    ) as answer:
        assert json.load(answer)["status"] == "success"


def test_the_chart_installs_them_where_grafana_looks(render: Render) -> None:
    rendered = render(ON)
    for board in BOARDS:
        found = rendered["ConfigMap", board.uid.replace("trifocal-", "trifocal-dashboard-")]
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(found["data"][f"{board.uid}.json"])["uid"] == board.uid


def test_nothing_of_it_is_installed_unasked(render: Render) -> None:
    assert not [name for kind, name in render() if kind == "ConfigMap"]
