"""The pure parts of a pass, bound to the operator's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trifocal.api import manifest
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.rule import Problem
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.plan import Plan
from trifocal.reconcile.plan import plan as make_plan
from trifocal.reconcile.status import invalid_status as report_invalid
from trifocal.reconcile.status import status as report
from trifocal.settings import Settings


@dataclass(frozen=True)
class BoundPolicy:
    """`Policy` as it is in production."""

    settings: Settings

    def parse(self, body: Manifest) -> ModelDeployment:
        """See `trifocal.api.manifest.parse`."""
        return manifest.parse(body)

    def plan(self, md: ModelDeployment, observed: Observed, now: datetime) -> Plan:
        """See `trifocal.reconcile.plan.plan`."""
        return make_plan(md, observed, self.settings, now)

    def status(
        self, md: ModelDeployment, observed: Observed, plan: Plan, now: datetime
    ) -> Mapping[str, Any]:
        """See `trifocal.reconcile.status.status`."""
        return report(md, observed, plan, self.settings, now)

    def invalid_status(
        self, body: Manifest, problems: Sequence[Problem], now: datetime
    ) -> Mapping[str, Any]:
        """See `trifocal.reconcile.status.invalid_status`."""
        return report_invalid(body, problems, now)
