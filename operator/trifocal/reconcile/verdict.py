"""A verdict: a condition without its type and times, and the sentences that several share.

True: done. False: in trouble, and the message says what to do. Unknown: on its way. A message is
for somebody who is woken by it: what is wrong with which value, what still serves, what to do.
"""

from dataclasses import dataclass, replace

from trifocal.api.condition import USER_MUST_ACT, ConditionStatus, Reason
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.rollout import Rollout
from trifocal.reconcile.trouble import Trouble, join, sentence


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a condition says."""

    status: ConditionStatus
    reason: Reason
    message: str


def true(reason: Reason, *sentences: str) -> Verdict:
    """Done."""
    return Verdict(status="True", reason=reason, message=join(*sentences))


def unknown(reason: Reason, *sentences: str) -> Verdict:
    """On its way."""
    return Verdict(status="Unknown", reason=reason, message=join(*sentences))


def false(trouble: Trouble, *sentences: str) -> Verdict:
    """In trouble."""
    return Verdict(
        status="False", reason=trouble.reason, message=join(sentence(trouble.message), *sentences)
    )


def suspended(verdict: Verdict) -> Verdict:
    """What a step says while nothing is done about it."""
    if verdict.status == "True":
        return verdict
    return replace(
        verdict,
        reason=Reason.SUSPENDED,
        message=join(
            "Suspended before this was done; set spec.suspend to false to go on.", verdict.message
        ),
    )


def still_serving(rollout: Rollout) -> str:
    """That an older revision answers, where one does."""
    serving = rollout.serving
    if serving is None or serving is rollout.wanted or not serving.ready:
        return ""
    return f"Revision {serving.hash} keeps serving."


def given_up(wanted: Revision, refused: Trouble) -> Trouble:
    """A revision that was refused, and what can be done: a refusal never passes by itself."""
    return Trouble(
        reason=refused.reason if refused.reason in USER_MUST_ACT else Reason.REVISION_REFUSED,
        message=join(
            f"Revision {wanted.hash} never gets traffic:",
            sentence(refused.message),
            "Change the spec, or delete its Deployment to try it again."
            if len(wanted.deployments) <= 1
            else "Change the spec, or delete its Deployments to try it again.",
        ),
    )
