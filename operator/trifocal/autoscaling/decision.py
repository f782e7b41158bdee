"""The scaling decision: from load, service time and objective to replicas, with its reason. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ScaleDecision:
    """The scaler's last word on one ModelDeployment, with the numbers it was made from."""

    replicas: int
    reason: str
    message: str
    requests_per_second: float | None = None
    service_milliseconds: float | None = None
    latency_milliseconds: float | None = None
    modelled_milliseconds: float | None = None
    decided_at: datetime
