"""The operator's own settings: environment variables with the prefix TRIFOCAL_. No I/O."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LABEL_NAME = "^[a-zA-Z_][a-zA-Z0-9_]*$"
"""Of a Prometheus label, from its data model."""


def _server_root(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it must be a URL such as http://prometheus.monitoring:9090.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "a URL with a password is written to logs: give username and password as files, in "
            "the folder prometheus_basic_auth."
        )
    if parts.query or parts.fragment:
        raise ValueError("it must be the URL of the server's root, without ? and #.")
    return url


class Settings(BaseSettings):
    """Set by the chart's Deployment; the names match values.yaml."""

    # A refused URL may hold a password, so errors do not repeat what was set.
    model_config = SettingsConfigDict(
        env_prefix="TRIFOCAL_", frozen=True, hide_input_in_errors=True
    )

    namespace: str = Field(default="trifocal-system", description="Where the operator runs.")
    pod_name: str = Field(default="trifocal", description="This process, as lease holder.")
    operator_image: str = Field(
        default="ghcr.io/trifocal/operator:0.1.0",
        description="Image of the init container that fetches artifacts into serving pods.",
    )
    optimizer_image: str = Field(
        default="ghcr.io/trifocal/optimizer:0.1.0",
        description="Image of Jobs that optimize ONNX models for ONNX Runtime without training.",
    )
    optimizer_extended_image: str | None = Field(
        default=None,
        description="Image of Jobs that train, or work with torch, TensorFlow or mobile runtimes; "
        "unset means that such specs are refused.",
    )
    optimizer_tensorrt_image: str | None = Field(
        default=None,
        description="Image of Jobs that build TensorRT engines; unset means that such specs are "
        "refused.",
    )
    optimizer_annotations: dict[str, str] = Field(
        default={
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "karpenter.sh/do-not-disrupt": "true",
        },
        description="Annotations of the pods of optimization Jobs. These ask node autoscalers not "
        "to throw the work away; correctness does not depend on it. Some clusters refuse one.",
    )
    image_pull_policy: str = "IfNotPresent"
    triton_repository: str = Field(
        default="nvcr.io/nvidia/tritonserver",
        description="Repository that spec.serving.triton.version is looked up in (VERSION-py3).",
    )
    triton_image: str | None = Field(
        default=None,
        description="Whole default image for objects that name none; unset means "
        "triton_repository with triton_version.",
    )
    triton_backend: str = Field(
        default="onnxruntime",
        description="Backend of triton_image that runs ONNX: onnxruntime or python.",
    )
    triton_version: str = Field(default="26.07", description="Default release of Triton.")
    workers: int = Field(default=8, ge=1, le=64, description="Objects reconciled side by side.")
    scrape_seconds: float = Field(default=5.0, gt=0, description="Interval of the scaling loop.")
    scaling_signal: Literal["pods", "prometheus"] = Field(
        default="pods",
        description="Where the scaler learns what pods have counted: from the pods, or from the "
        "Prometheus that scrapes them.",
    )
    prometheus_url: Annotated[str, AfterValidator(_server_root)] | None = Field(
        default=None,
        description="Root of the Prometheus (or Thanos, Mimir, VictoriaMetrics) that is asked; "
        "/api/v1/query is added.",
    )
    prometheus_token_file: Path | None = Field(
        default=None, description="File with a bearer token for Prometheus; read at each query."
    )
    prometheus_basic_auth: Path | None = Field(
        default=None,
        description="Folder with files username and password for Prometheus, read at each query.",
    )
    prometheus_ca_file: Path | None = Field(
        default=None,
        description="Certificates to trust for Prometheus; unset means the system's.",
    )
    prometheus_scrape_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Longest interval at which Prometheus scrapes the serving pods. The scaler "
        "looks back three of them.",
    )
    prometheus_namespace_label: str = Field(
        default="namespace", pattern=LABEL_NAME, description="Label with a pod's namespace."
    )
    prometheus_pod_label: str = Field(
        default="pod", pattern=LABEL_NAME, description="Label with a pod's name."
    )
    wake_up_queries: bool = Field(
        default=False,
        description="Whether spec.scaling.wakeUp may have queries asked, with the operator's "
        "rights at Prometheus.",
    )
    wake_up_prometheus_url: Annotated[str, AfterValidator(_server_root)] | None = Field(
        default=None,
        description="Root of what is asked these queries, such as a prom-label-proxy; unset means "
        "prometheus_url. The same files open it.",
    )
    wake_up_namespace_parameter: str | None = Field(
        default=None,
        pattern="^[a-zA-Z0-9_-]+$",
        description="URL parameter by which a proxy is told the namespace that a query is held "
        "to; unset means that a query sees every series.",
    )
    gpus_per_namespace: int | None = Field(
        default=None,
        ge=1,
        description="GPUs that the models of one namespace may hold together; the scaler shares "
        "them fairly. Unset means no limit.",
    )
    headroom_priority_class: str = Field(
        default="trifocal-headroom",
        min_length=1,
        max_length=253,
        description="PriorityClass of the placeholders that spec.serving.headroom asks for.",
    )
    accelerator_prices: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Price of one device for an hour by its product, such as NVIDIA-L4: decides "
        "which of spec.serving.accelerator.products is the cheapest. Only the order matters.",
    )
    accelerator_patience_seconds: float = Field(
        default=120.0,
        gt=0,
        description="How long a pod waits for a node with the cheapest product before the next one "
        "takes its place. A machine that can be had has joined within two minutes as a rule.",
    )
    resync_seconds: float = Field(
        default=3600.0,
        gt=0,
        description="Every object is looked at this often (with jitter), whatever happens. What a "
        "watch misses is found every 10 minutes without that.",
    )
    # More than one core of Python sends: only a loop gone wild meets it. The API server protects
    # itself by priority and fairness, which is why controller-runtime has no limit any more.
    kube_qps: float = Field(
        default=500.0, gt=0, description="Requests per second to the API server in the long run."
    )
    kube_burst: int = Field(default=1000, ge=1, description="Requests at once after a quiet time.")
    metrics_port: int = 9090
    probes_port: int = 8080
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _prometheus_can_be_asked(self) -> Self:
        if self.scaling_signal == "prometheus" and self.prometheus_url is None:
            raise ValueError("scaling_signal is prometheus, so prometheus_url must be set.")
        if self.wake_up_queries and self.prometheus_url is None:
            raise ValueError("wake_up_queries is true, so prometheus_url must be set.")
        if self.prometheus_token_file and self.prometheus_basic_auth:
            raise ValueError(
                "prometheus_token_file and prometheus_basic_auth are both set: leave one out."
            )
        if self.prometheus_namespace_label == self.prometheus_pod_label:
            raise ValueError(
                "prometheus_namespace_label and prometheus_pod_label must be two labels and are "
                f"both {self.prometheus_pod_label!r}."
            )
        return self
