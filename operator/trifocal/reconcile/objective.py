"""The condition ObjectiveMet: whether the published latency is within the objective."""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import ScalingStatus
from trifocal.reconcile import verdict
from trifocal.reconcile.trouble import Trouble, sentence
from trifocal.reconcile.verdict import Verdict


def objective_met(md: ModelDeployment, scaling: ScalingStatus | None) -> Verdict:
    """The verdict.

    | objective | rate  | latency           | status  | reason           |
    |-----------|-------|-------------------|---------|------------------|
    | none      | any   | any               | Unknown | NoObjective      |
    | set       | no pod runs               | Unknown | NoTraffic        |
    | set       | none  | any               | Unknown | NoMetrics        |
    | set       | 0     | any               | Unknown | NoTraffic        |
    | set       | > 0   | none              | Unknown | NoMetrics        |
    | set       | > 0   | at most the limit | True    | WithinObjective  |
    | set       | > 0   | above it          | False   | MissingObjective |
    """
    if md.spec.scaling is None:
        return verdict.unknown(Reason.NO_OBJECTIVE, "spec.scaling sets no objective.")
    if scaling is not None and scaling.desired_replicas == 0:
        return verdict.unknown(Reason.NO_TRAFFIC, "No pod is wanted, so there is none to measure.")
    rate = scaling.inputs.requests_per_second if scaling else None
    measured = scaling.inputs.latency_milliseconds if scaling else None
    if rate == 0:
        return verdict.unknown(
            Reason.NO_TRAFFIC, "No requests arrive, so there is nothing to measure."
        )
    if scaling is None or rate is None or measured is None:
        return verdict.unknown(Reason.NO_METRICS, "The latency has not been measured yet.")
    limit = md.spec.scaling.objective.latency
    told = (
        f"p{limit.percentile} is {measured:g} ms at {rate:g} requests/s; the objective is "
        f"{limit.max_milliseconds:g} ms."
    )
    if measured <= limit.max_milliseconds:
        return verdict.true(Reason.WITHIN_OBJECTIVE, told)
    missed = Trouble(reason=Reason.MISSING_OBJECTIVE, message=told)
    return verdict.false(missed, sentence(scaling.message))
