"""The operator's settings from the environment: what cannot work is refused at the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from trifocal.settings import Settings


def test_a_prometheus_that_is_whole() -> None:
    settings = Settings(
        scaling_signal="prometheus",
        prometheus_url="https://thanos.monitoring:9091/tenant",
        prometheus_token_file=Path("/var/run/token"),
    )
    assert settings.prometheus_url == "https://thanos.monitoring:9091/tenant"


def test_one_may_be_known_and_not_be_the_scaling_signal() -> None:
    assert Settings(prometheus_url="http://prometheus:9090").scaling_signal == "pods"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "prometheus:9090",
            "it must be a URL such as http://prometheus.monitoring:9090",
        ),
        ("ftp://prometheus", "it must be a URL such as"),
        ("http://", "it must be a URL such as"),
        ("http://me:secret@prometheus", "give username and password as files"),
        ("http://prometheus/?tenant=a", "it must be the URL of the server's root"),
        ("http://prometheus/#/graph", "it must be the URL of the server's root"),
    ],
)
def test_a_url_that_is_none(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        Settings(prometheus_url=url)
    assert "secret" not in str(caught.value)


def test_the_signal_cannot_come_from_a_prometheus_that_is_not_known() -> None:
    with pytest.raises(ValidationError, match="so prometheus_url must be set"):
        Settings(scaling_signal="prometheus")


def test_wake_up_queries_need_somebody_who_answers() -> None:
    with pytest.raises(ValidationError, match="so prometheus_url must be set"):
        Settings(wake_up_queries=True)
    proxy = "http://prom-label-proxy.monitoring:8080"
    settings = Settings(
        wake_up_queries=True,
        prometheus_url="http://prometheus:9090",
        wake_up_prometheus_url=proxy,
        wake_up_namespace_parameter="namespace",
    )
    assert settings.wake_up_prometheus_url == proxy


def test_two_kinds_of_credentials_are_one_too_many() -> None:
    files = Path("/etc/prometheus")
    with pytest.raises(ValidationError, match="are both set: leave one out"):
        Settings(prometheus_token_file=files, prometheus_basic_auth=files)


@pytest.mark.parametrize("name", ["pod-name", 'pod"}', "0pod", ""])
def test_a_label_that_is_none(name: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        Settings(prometheus_pod_label=name)


def test_one_label_cannot_say_two_things() -> None:
    with pytest.raises(ValidationError, match="must be two labels and are both 'pod'"):
        Settings(prometheus_namespace_label="pod")
