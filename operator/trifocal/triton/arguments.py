"""Triton's command line: locked down as far as each release understands it. Pure.

Sources: Triton's secure deployment guide (docs/customization_guide/deploy.md) and NVIDIA's
security bulletins 5687, 5828, 5865 and 5875.
"""

from trifocal.triton.images import TritonImage

HTTP_PORT = 8000
"""Where HTTP clients connect: the pod's front, `trifocal.triton.http_front`."""
GRPC_PORT = 8001
METRICS_PORT = 8002
TRITON_HTTP_PORT = 8003
"""Where Triton's own HTTP server listens, for the front alone."""

EXIT_TIMEOUT_SECONDS = 30
"""After SIGTERM Triton waits so long for connections to close and requests to end. Below the
time of the slowest request it would crash with signal 11 (seen on 2.51)."""

RESTRICTED_APIS = (
    "shared-memory",
    "model-config",
    "model-repository",
    "statistics",
    "trace",
    "logging",
)
"""What clients of a served model never need. Health, metadata and inference stay open."""
RESTRICTION_HEADER = "trifocal-restricted"

GRPC_RESPONSE_POOL_SIZE = 64
"""Responses kept per request for streaming; Triton's own default is unbounded."""
GRPC_ALLOCATION_POOL_SIZE = 16
"""Requests kept for reuse. Each keeps its largest payload: 16 images, not gigabytes."""

MAX_CONNECTION_AGE_SECONDS = 5
"""Clients are told to leave connections of this age, HTTP and gRPC alike, so that those that are
at work have left a pod before it gets SIGTERM, and find new pods soon after a scale-up. A new
connection costs a round trip; one in 5 s is nothing. gRPC adds up to 10 % of jitter."""
GRPC_GRACE_SECONDS = 60
"""Requests under way when a connection gets too old may take so long."""


def server_arguments(image: TritonImage, *, restricted_key: str) -> tuple[str, ...]:
    """Arguments of `tritonserver`, all but its model repository.

    `restricted_key` is the value that a caller of a restricted API must send. It stands in the
    pod's spec, so it is no authentication (and was bypassed before 26.03, CVE-2026-24207): it
    keeps a client from using these APIs by mistake or by an SDK's default.
    """
    restricted = f"{','.join(RESTRICTED_APIS)}:{RESTRICTION_HEADER}={restricted_key}"
    arguments = [
        "--http-address=127.0.0.1",
        f"--http-port={TRITON_HTTP_PORT}",
        f"--grpc-port={GRPC_PORT}",
        # Without it the metrics follow the HTTP server to loopback.
        "--metrics-address=0.0.0.0",
        f"--metrics-port={METRICS_PORT}",
        "--model-control-mode=none",
        "--exit-on-error=true",
        "--strict-readiness=true",
        "--disable-auto-complete-config",
        "--allow-sagemaker=false",
        "--allow-vertex-ai=false",
        f"--http-restricted-api={restricted}",
        f"--grpc-restricted-protocol={restricted}",
        f"--grpc-infer-allocation-pool-size={GRPC_ALLOCATION_POOL_SIZE}",
        f"--grpc-max-connection-age={MAX_CONNECTION_AGE_SECONDS * 1000}",
        f"--grpc-max-connection-age-grace={GRPC_GRACE_SECONDS * 1000}",
        f"--exit-timeout-secs={EXIT_TIMEOUT_SECONDS}",
        "--log-format=ISO8601",
        *_metrics(image),
    ]
    if image.has_response_pool_flag:
        arguments.append(f"--grpc-max-response-pool-size={GRPC_RESPONSE_POOL_SIZE}")
    if image.has_client_shared_memory_flag:
        arguments.append("--allow-client-shm=false")
    return tuple(arguments)


def _metrics(image: TritonImage) -> tuple[str, ...]:
    """Summaries everywhere; the histogram, which can be added up over pods, where there is one."""
    summaries = "--metrics-config=summary_latencies=true"
    if image.has_latency_histogram:
        return (summaries, "--metrics-config=histogram_latencies=true")
    return (summaries,)
