"""The condition Verified: whether the wanted revision answers as recorded and has the traffic."""

from trifocal.api.condition import Reason
from trifocal.reconcile import verdict
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.trouble import Trouble
from trifocal.reconcile.verdict import Verdict


def verified(found: Assessment, observed: Observed) -> Verdict:
    """The verdict.

    | wanted revision                       | status  | reason                     |
    |---------------------------------------|---------|----------------------------|
    | none yet                              | Unknown | WaitingForArtifact         |
    | has the traffic                       | True    | AnswersMatch               |
    | refused                               | False   | as of Available            |
    | no pods wanted                        | True    | ScaledToZero               |
    | ready, and could not be asked         | False   | SmokeUnreachable           |
    | everything else                       | Unknown | Verifying                  |
    """
    rollout = found.rollout
    wanted = rollout.wanted
    serving = verdict.still_serving(rollout)
    if wanted is None:
        missing = "There is no artifact to verify yet."
        return verdict.unknown(Reason.WAITING_FOR_ARTIFACT, missing, serving)
    if wanted is rollout.serving:
        told = f"Revision {wanted.hash} gave the recorded answers and has the traffic."
        return verdict.true(Reason.ANSWERS_MATCH, told)
    if rollout.refused is not None:
        return verdict.false(verdict.given_up(wanted, rollout.refused), serving)
    if found.wanted_pods == 0:
        later = "No pods are wanted; they prove themselves when they start."
        return verdict.true(Reason.SCALED_TO_ZERO, later)
    if trouble := _not_asked(wanted, observed):
        return verdict.false(trouble, "Trifocal asks again.", serving)
    counted = (
        f"{len(rollout.proven)} of {rollout.needed} pods of revision {wanted.hash} have given the "
        "recorded answers; then it gets the traffic."
    )
    return verdict.unknown(Reason.VERIFYING, counted, serving)


def _not_asked(wanted: Revision, observed: Observed) -> Trouble | None:
    smoke = observed.smoke
    if smoke is None or smoke.passed or smoke.revision != wanted.hash or not wanted.ready:
        return None
    return Trouble(reason=Reason.SMOKE_UNREACHABLE, message=smoke.message)
