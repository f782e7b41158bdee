"""What the chart renders, and what it refuses to."""

import json
from typing import Any

import pytest

from tests.integration.charts.conftest import CHART, Helm, Render
from trifocal.api.crd import crd
from trifocal.settings import Settings

pytestmark = pytest.mark.integration

DEPLOYMENT = ("Deployment", "trifocal-operator")
CRD = ("CustomResourceDefinition", "modeldeployments.trifocal.dev")

HEADROOM = ("PriorityClass", "trifocal-headroom")
HELM_TEST = ("Pod", "trifocal-operator-test")


def container(rendered: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    (only,) = rendered[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(rendered: dict[tuple[str, str], dict[str, Any]]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container(rendered)["env"]}


def test_helm_lint_finds_nothing(helm: Helm) -> None:
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout


def test_the_objects_that_a_default_installation_consists_of(render: Render) -> None:
    assert set(render()) == {
        CRD,
        DEPLOYMENT,
        ("ServiceAccount", "trifocal-operator"),
        ("ClusterRole", "trifocal-operator"),
        ("ClusterRoleBinding", "trifocal-operator"),
        ("Role", "trifocal-operator"),
        ("RoleBinding", "trifocal-operator"),
        ("ClusterRole", "trifocal-view"),
        ("ClusterRole", "trifocal-edit"),
        ("NetworkPolicy", "trifocal-operator"),
        ("Service", "trifocal-operator-metrics"),
        HEADROOM,
        HELM_TEST,
    }


def test_the_priority_of_placeholders_is_installed_or_your_own(render: Render) -> None:
    made = render()[HEADROOM]
    assert (made["value"], made["preemptionPolicy"], made["globalDefault"]) == (-10, "Never", False)
    own = render({"headroom.priorityClass.create": "false", "headroom.priorityClass.name": '"low"'})
    assert "PriorityClass" not in {kind for kind, _ in own}
    assert environment(own)["TRIFOCAL_HEADROOM_PRIORITY_CLASS"] == "low"


def test_the_crd_is_the_generated_one_and_is_kept(render: Render) -> None:
    rendered = render()[CRD]
    assert rendered["spec"] == crd()["spec"]
    assert rendered["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in render({"crds.keep": "false"})[CRD]["metadata"]
    assert CRD not in render({"crds.install": "false"})


def test_the_settings_read_what_the_deployment_writes(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        "image": '"registry.example.com/operator:1"',
        "optimizer.image": '"registry.example.com/optimizer:1"',
        "optimizer.extendedImage": '"registry.example.com/optimizer-extended:1"',
        "optimizer.tensorrtImage": '"registry.example.com/optimizer-tensorrt:1"',
        "triton.image": '"registry.example.com/triton:1"',
        "triton.backend": '"python"',
        "accelerators.prices": '{"NVIDIA-L4": 0.8, "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb": 1}',
        "accelerators.patienceSeconds": "45",
        "workers": "3",
        "kubeBurst": "1000000",
        "resyncSeconds": "1200.5",
        "logLevel": '"DEBUG"',
    }
    for name, value in environment(render(values)).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.operator_image == "registry.example.com/operator:1"
    assert settings.optimizer_image == "registry.example.com/optimizer:1"
    assert settings.optimizer_extended_image == "registry.example.com/optimizer-extended:1"
    assert settings.optimizer_tensorrt_image == "registry.example.com/optimizer-tensorrt:1"
    assert settings.triton_image == "registry.example.com/triton:1"
    assert (settings.triton_backend, settings.log_level) == ("python", "DEBUG")
    prices = {"NVIDIA-L4": 0.8, "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb": 1.0}
    assert settings.accelerator_prices == prices
    assert settings.accelerator_patience_seconds == 45
    assert (settings.workers, settings.kube_burst, settings.resync_seconds) == (3, 1000000, 1200.5)


def test_optimizer_images_that_are_not_given_stay_unset(render: Render) -> None:
    names = environment(render())
    assert "TRIFOCAL_OPTIMIZER_EXTENDED_IMAGE" not in names
    assert "TRIFOCAL_OPTIMIZER_TENSORRT_IMAGE" not in names


def test_an_annotation_that_a_cluster_refuses_is_left_out_of_jobs(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = environment(render())["TRIFOCAL_OPTIMIZER_ANNOTATIONS"]
    assert json.loads(default) == Settings().optimizer_annotations
    refused = r"optimizer.podAnnotations.cluster-autoscaler\.kubernetes\.io/safe-to-evict"
    left = environment(render({refused: "null"}))["TRIFOCAL_OPTIMIZER_ANNOTATIONS"]
    monkeypatch.setenv("TRIFOCAL_OPTIMIZER_ANNOTATIONS", left)
    assert Settings().optimizer_annotations == {"karpenter.sh/do-not-disrupt": "true"}


def test_ports_of_the_settings_are_the_ports_of_the_pod(render: Render) -> None:
    rendered = render()
    ports = {each["name"]: str(each["containerPort"]) for each in container(rendered)["ports"]}
    assert ports["metrics"] == environment(rendered)["TRIFOCAL_METRICS_PORT"]
    assert ports["probes"] == environment(rendered)["TRIFOCAL_PROBES_PORT"]


def test_only_more_than_one_replica_gets_a_disruption_budget(render: Render) -> None:
    budget = ("PodDisruptionBudget", "trifocal-operator")
    assert budget not in render()
    assert render({"replicas": "2"})[budget]["spec"]["maxUnavailable"] == 1


def test_monitoring_is_there_when_it_is_asked_for(render: Render) -> None:
    values = {
        "serviceMonitor.enabled": "true",
        "prometheusRule.enabled": "true",
        "prometheusRule.labels": '{"release": "prometheus"}',
    }
    rendered = render(values)
    assert ("ServiceMonitor", "trifocal-operator") in rendered
    rule = rendered["PrometheusRule", "trifocal-operator"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    (group,) = rule["spec"]["groups"]
    assert group["rules"][1]["expr"] == (
        'max(trifocal_leader{namespace="trifocal-system",job="trifocal-operator-metrics"}) == 0'
    )


PROMETHEUS = {
    "scalingSignal": '"prometheus"',
    "prometheus.url": '"https://prometheus.monitoring:9091"',
}


def mounts(rendered: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is mounted where, without the name that ties the two together."""
    pod = rendered[DEPLOYMENT]["spec"]["template"]["spec"]
    volumes = {each.pop("name"): each for each in pod["volumes"]}
    return {
        each["mountPath"]: volumes[each["name"]] for each in container(rendered)["volumeMounts"]
    }


@pytest.mark.parametrize(
    ("auth", "setting", "path"),
    [
        ("basic", "prometheus_basic_auth", "/etc/trifocal/prometheus"),
        ("bearer", "prometheus_token_file", "/etc/trifocal/prometheus/token"),
        (
            "serviceAccount",
            "prometheus_token_file",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
        ),
    ],
)
def test_the_settings_find_prometheus_and_what_opens_it(
    render: Render, monkeypatch: pytest.MonkeyPatch, auth: str, setting: str, path: str
) -> None:
    own = auth == "serviceAccount"
    rendered = render(
        {
            **PROMETHEUS,
            "prometheus.scrapeSeconds": "5",
            "prometheus.podLabel": '"kubernetes_pod"',
            "prometheus.auth": f'"{auth}"',
            "prometheus.secret": '""' if own else '"opens-prometheus"',
            "prometheus.caConfigMap": '"trusted"',
            "prometheus.caKey": '"service-ca.crt"',
        }
    )
    for name, value in environment(rendered).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.scaling_signal == "prometheus"
    assert settings.prometheus_url == "https://prometheus.monitoring:9091"
    assert settings.prometheus_scrape_seconds == 5
    assert settings.prometheus_pod_label == "kubernetes_pod"
    assert str(getattr(settings, setting)) == path
    assert str(settings.prometheus_ca_file) == "/etc/trifocal/prometheus-ca/service-ca.crt"
    found = mounts(rendered)
    assert found["/etc/trifocal/prometheus-ca"] == {"configMap": {"name": "trusted"}}
    secret = {"secret": {"secretName": "opens-prometheus"}}
    assert found.get("/etc/trifocal/prometheus") == (None if own else secret)


def test_wake_up_queries_are_asked_where_the_administrator_says(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = render(
        {
            **PROMETHEUS,
            "wakeUp.queries": "true",
            "wakeUp.prometheusUrl": '"http://prom-label-proxy.monitoring:8080"',
            "wakeUp.namespaceParameter": '"namespace"',
        }
    )
    for name, value in environment(rendered).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.wake_up_queries
    assert settings.wake_up_prometheus_url == "http://prom-label-proxy.monitoring:8080"
    assert settings.wake_up_namespace_parameter == "namespace"
    assert not [name for name in environment(render()) if "WAKE_UP" in name]


def test_without_prometheus_nothing_of_it_is_there(render: Render) -> None:
    rendered = render()
    assert not [name for name in environment(rendered) if "PROMETHEUS" in name]
    assert set(mounts(rendered)) == {"/tmp"}  # noqa: S108 - a path in the pod


def test_a_pod_monitor_for_the_models_of_all_namespaces(render: Render) -> None:
    values = {"podMonitor.enabled": "true", "podMonitor.labels": '{"release": "prometheus"}'}
    monitor = render(values)["PodMonitor", "trifocal-models"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["namespaceSelector"] == {"any": True}
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "interval": "5s"}]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("scalingSignal=prometheus", "prometheus.url must be set"),
        ("prometheus.auth=basic,prometheus.url=http://p", "prometheus.secret must name a Secret"),
        ("wakeUp.queries=true", "prometheus.url must be set"),
        ("wakeUp.namespaceParameter=a b", "does not match pattern"),
        ("prometheus.url=prometheus:9090", "does not match pattern"),
        ("prometheus.podLabel=pod-name", "does not match pattern"),
    ],
)
def test_a_prometheus_that_is_not_whole_is_refused(helm: Helm, wrong: str, words: str) -> None:
    done = helm("template", "trifocal", CHART, "--set", wrong)
    assert done.returncode != 0
    assert words in done.stderr


def test_who_may_scrape_can_be_narrowed(render: Render) -> None:
    peers = [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}]
    policy = render({"networkPolicy.metricsFrom": json.dumps(peers)})[
        "NetworkPolicy", "trifocal-operator"
    ]
    assert policy["spec"]["ingress"][1]["from"][:-1] == peers  # and the pod of `helm test`


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("replica=2", "additional properties 'replica' not allowed"),
        ("triton.tag=26.07", "additional properties 'tag' not allowed"),
        ("image=registry.example.com/operator", "does not match pattern"),
        ("logLevel=verbose", "value must be one of 'DEBUG', 'INFO', 'WARNING', 'ERROR'"),
        ("workers=0", "minimum: got 0, want 1"),
    ],
)
def test_a_value_that_is_wrong_is_refused(helm: Helm, wrong: str, words: str) -> None:
    done = helm("template", "trifocal", CHART, "--set", wrong)
    assert done.returncode != 0
    assert words in done.stderr


def test_no_right_is_a_wildcard_or_touches_secrets(render: Render) -> None:
    for (kind, _), each in render().items():
        if kind in {"ClusterRole", "Role"}:
            for rule in each["rules"]:
                assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
                assert "secrets" not in rule["resources"]
