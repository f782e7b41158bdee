"""The condition Optimized: whether an artifact that passed its gate exists for this spec."""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile import verdict
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.candidates import chosen_sentence
from trifocal.reconcile.job_trouble import retry_note
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Optimization, Stage
from trifocal.reconcile.product_report import without_engine
from trifocal.reconcile.refused_children import refused_optimization
from trifocal.reconcile.suspended_job import is_suspended, waiting_sentence
from trifocal.reconcile.verdict import Verdict


def optimized(md: ModelDeployment, found: Assessment, observed: Observed) -> Verdict:
    """Whether an artifact exists for this spec.

    | stage                | status  | reason                          |
    |----------------------|---------|---------------------------------|
    | done                 | True    | Optimized                       |
    | failed, blocked      | False   | the failure's                   |
    | its Job is in trouble| False   | the trouble's                   |
    | everything else      | Unknown | Optimizing                      |
    """
    optimization = found.optimization
    result = optimization.artifact
    refusal = refused_optimization(md, observed)
    if result is not None:
        missing = without_engine(found.optimizations)
        return verdict.true(Reason.OPTIMIZED, chosen_sentence(result, md), missing)
    if trouble := optimization.trouble or refusal:
        return verdict.false(trouble, verdict.still_serving(found.rollout))
    return verdict.unknown(
        Reason.OPTIMIZING,
        _doing(optimization),
        retry_note(optimization.pods),
        verdict.still_serving(found.rollout),
    )


def _doing(optimization: Optimization) -> str:
    job = optimization.job
    if optimization.stage is Stage.RUNNING and job is not None:
        if is_suspended(job):
            return waiting_sentence(job)
        if optimization.running_pod is not None:
            return "The optimization is running."
    return "The optimization is about to start."
