"""The chart's values, its schema, its templates and the operator's settings agree."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import trifocal
from trifocal.settings import Settings

CHART = Path(__file__).parents[3] / "charts" / "trifocal"
CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = {
    str(path.relative_to(CHART / "templates")): path.read_text()
    for path in (CHART / "templates").rglob("*")
    if path.is_file()
}


def leaves(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict) or not value:
        return {path}
    return {leaf for name, each in value.items() for leaf in leaves(each, f"{path}.{name}")}


def schema_leaves(schema: dict[str, Any], path: str = "") -> set[str]:
    properties = schema.get("properties")
    if not properties:
        return {path}
    return {
        leaf for name, each in properties.items() for leaf in schema_leaves(each, f"{path}.{name}")
    }


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    """What the schema leaves open, labels and the like, is one value whatever stands in it."""
    ends = schema_leaves(SCHEMA) - {".global"}
    written = {
        next((end for end in ends if f"{leaf}.".startswith(f"{end}.")), leaf)
        for leaf in leaves(VALUES)
    }
    assert written == ends


def test_every_object_of_the_schema_refuses_unknown_keys_or_is_passed_on() -> None:
    def closed(schema: dict[str, Any]) -> bool:
        below = schema.get("properties", {}).values()
        return not below or (
            schema.get("additionalProperties") is False and all(closed(each) for each in below)
        )

    assert closed(SCHEMA)


def test_every_setting_of_the_operator_is_set_by_the_deployment_and_no_other() -> None:
    in_template = set(re.findall(r"TRIFOCAL_[A-Z_]+", TEMPLATES["deployment.yaml"]))
    assert in_template == {f"TRIFOCAL_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("value", "setting"),
    [
        (VALUES["triton"]["repository"], "triton_repository"),
        (VALUES["triton"]["version"], "triton_version"),
        (VALUES["triton"]["backend"], "triton_backend"),
        (VALUES["imagePullPolicy"], "image_pull_policy"),
        (VALUES["workers"], "workers"),
        (VALUES["scrapeSeconds"], "scrape_seconds"),
        (VALUES["scalingSignal"], "scaling_signal"),
        (VALUES["prometheus"]["scrapeSeconds"], "prometheus_scrape_seconds"),
        (VALUES["prometheus"]["namespaceLabel"], "prometheus_namespace_label"),
        (VALUES["prometheus"]["podLabel"], "prometheus_pod_label"),
        (VALUES["wakeUp"]["queries"], "wake_up_queries"),
        (VALUES["gpusPerNamespace"], "gpus_per_namespace"),
        (VALUES["accelerators"]["prices"], "accelerator_prices"),
        (VALUES["accelerators"]["patienceSeconds"], "accelerator_patience_seconds"),
        (VALUES["headroom"]["priorityClass"]["name"], "headroom_priority_class"),
        (VALUES["resyncSeconds"], "resync_seconds"),
        (VALUES["kubeQps"], "kube_qps"),
        (VALUES["kubeBurst"], "kube_burst"),
        (VALUES["logLevel"], "log_level"),
    ],
)
def test_a_value_has_the_default_of_its_setting(value: Any, setting: str) -> None:
    assert value == Settings.model_fields[setting].default


def test_tensorrt_builds_engines_with_the_release_of_the_triton_that_serves_them() -> None:
    dockerfile = (CHART.parents[1] / "Dockerfile").read_text()
    release = VALUES["triton"]["version"]
    assert f"ARG TRITON_RELEASE={release}\n" in dockerfile
    assert "ARG TENSORRT_BASE=nvcr.io/nvidia/tensorrt:${TRITON_RELEASE}-py3\n" in dockerfile


def test_the_version_is_the_programs() -> None:
    assert CHART_YAML["appVersion"] == trifocal.__version__
    assert CHART_YAML["version"] == trifocal.__version__


def test_only_the_operators_own_lease_is_granted() -> None:
    source = Path(trifocal.__file__).parent / "kube" / "lease.py"
    (lease,) = re.findall(r'^LEASE_NAME = "(.+)"$', source.read_text(), re.MULTILINE)
    assert f"resourceNames: [{lease}]" in TEMPLATES["rbac.yaml"]


def test_the_pod_monitor_finds_the_port_of_the_pods_that_serve() -> None:
    """Their labels and the port's name, as the golden files of whole objects have them."""
    monitor = TEMPLATES["metrics.yaml"].split("kind: PodMonitor")[1].split("{{- end }}\n{{- if")[0]
    wanted = dict(re.findall(r"(app.kubernetes.io/[a-z-]+): ([a-z-]+)\n", monitor))
    golden = (CHART.parents[1] / "tests/golden/output/s3-gpu-scaled.yaml").read_text()
    (deployment,) = [d for d in yaml.safe_load_all(golden) if d and d["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    assert len(wanted) == 3
    assert wanted.items() <= template["metadata"]["labels"].items()
    ports = [p["name"] for c in template["spec"]["containers"] for p in c.get("ports", ())]
    assert "metrics" in ports
    assert "- port: metrics\n" in monitor


def test_every_alert_has_a_runbook() -> None:
    runbooks = (CHART.parents[1] / "docs" / "alerts.md").read_text()
    headings = {line.removeprefix("## ").lower() for line in runbooks.splitlines()}
    alerts = re.findall(r"alert: (\w+)", TEMPLATES["metrics.yaml"])
    assert len(alerts) == 5
    for alert in alerts:
        assert alert.lower() in headings
        assert f"runbookUrl }}}}{alert.lower()}" in TEMPLATES["metrics.yaml"]


def test_alerts_use_metrics_that_the_operator_has() -> None:
    telemetry = "".join(
        (Path(trifocal.__file__).parent / name).read_text()
        for name in ("telemetry.py", "cli/operator/process.py", "autoscaling/metrics.py")
    )
    used = set(re.findall(r"trifocal_[a-z_]+", TEMPLATES["metrics.yaml"]))
    assert used
    for metric in used:
        assert f'"{metric.removesuffix("_count")}"' in telemetry


def test_placeholders_get_nodes_and_yield_to_every_other_pod() -> None:
    """cluster-autoscaler makes no node for pods below -10; pods without a class have 0."""
    template = TEMPLATES["priorityclass.yaml"]
    assert re.findall(r"^value: (.+)$", template, re.MULTILINE) == ["-10"]
    assert re.findall(r"^preemptionPolicy: (.+)$", template, re.MULTILINE) == ["Never"]
    assert re.findall(r"^globalDefault: (.+)$", template, re.MULTILINE) == ["false"]


def test_the_operator_has_no_right_to_priority_classes() -> None:
    """A pod may name any class; the API server looks it up."""
    assert "priorityclasses" not in TEMPLATES["rbac.yaml"]
