"""An answer of a real Prometheus 2.42, and what it had scraped.

That was the text of a real Triton 2.51, to which a histogram was added, as three pods: one scraped
by two jobs, one once, and one by a job that drops `nv_inference_exec_count`.
"""

from datetime import UTC, datetime
from pathlib import Path

from trifocal.autoscaling.prometheus.answer import read_answer
from trifocal.autoscaling.scraper import PodAddress

HERE = Path(__file__).parent
RECORDED = read_answer((HERE / "data" / "answer.json").read_bytes(), "http://prometheus")
NOW = datetime.fromtimestamp(1795839842.461, UTC)
"""2026-11-28 04:24:02, when the query was answered."""


def pod(name: str, namespace: str = "vision") -> PodAddress:
    return PodAddress(uid=f"uid-{name}", ip="10.0.0.1", namespace=namespace, name=name)
