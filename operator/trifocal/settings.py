"""The operator's own settings: environment variables with the prefix TRIFOCAL_. No I/O."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Set by the chart's Deployment; the names match values.yaml."""

    model_config = SettingsConfigDict(env_prefix="TRIFOCAL_", frozen=True)

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
    gpus_per_namespace: int | None = Field(
        default=None,
        ge=1,
        description="GPUs that the models of one namespace may hold together; the scaler shares "
        "them fairly. Unset means no limit.",
    )
    resync_seconds: float = Field(
        default=600.0, gt=0, description="Every object is looked at this often (with jitter)."
    )
    kube_qps: float = Field(
        default=50.0, gt=0, description="Requests per second to the API server in the long run."
    )
    kube_burst: int = Field(default=100, ge=1, description="Requests at once after a quiet time.")
    metrics_port: int = 9090
    probes_port: int = 8080
    log_level: str = "INFO"
