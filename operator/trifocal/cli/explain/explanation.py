"""Why a ModelDeployment is not Ready: one value, from what was read. Pure; time is an argument.

The steps stand in the order of the work: source, optimization, serving, traffic, scaling. The first
that is not done is the cause, and the later ones only wait for it. Scaling has no vote: a slow
model still answers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from trifocal.api.condition import USER_MUST_ACT, ConditionType, Reason
from trifocal.cli.digests import short
from trifocal.cli.explain.advice import what_to_do, where_to_look
from trifocal.cli.explain.held_job import held_job
from trifocal.cli.explain.next_try import NextTry, next_try
from trifocal.cli.explain.reports import Report, reports
from trifocal.cli.seen import Seen
from trifocal.cli.status_tree import Chain, Progress, progress
from trifocal.reconcile.children import instant

MAX_REPORTS = 5
"""Events that are shown: what is older than five others seldom explains the present."""

_OF_THE_SOURCE = frozenset(
    {
        Reason.DIGEST_MISMATCH,
        Reason.SOURCE_UNREACHABLE,
        Reason.SOURCE_REFUSED,
        Reason.CREDENTIALS_INVALID,
        Reason.MODEL_INVALID,
        Reason.INPUT_MISMATCH,
        Reason.LABELS_MISMATCH,
        Reason.DATASET_INVALID,
        Reason.ARCHIVE_REFUSED,
        Reason.SECRET_MISSING,
        Reason.CLAIM_MISSING,
        Reason.SERVICE_ACCOUNT_MISSING,
    }
)
"""Reasons of the condition Optimized that speak of the model and the data, not of the work."""
_AFTER_THE_SOURCE = frozenset({Reason.OPTIMIZED, Reason.SOURCE_BELOW_GATE, Reason.ENGINE_MISMATCH})
"""Reasons of Optimized that nothing could have without having read the model and the data."""


class State(StrEnum):
    """How a step stands."""

    DONE = "done"
    UNDER_WAY = "under way"
    IN_TROUBLE = "in trouble"
    STALLED = "stalled"
    WAITS = "waits"
    UNKNOWN = "not known"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the work."""

    name: str
    state: State
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The answer."""

    namespace: str
    name: str
    progress: Progress
    reason: str
    since: datetime | None
    """When Ready became what it is; None before the operator has spoken."""
    steps: tuple[Step, ...]
    cause: str | None
    """Name of the first step that is not done; None when Ready."""
    reports: tuple[Report, ...]
    """Newest last."""
    next_try: NextTry | None
    """None when Ready."""
    to_do: str | None
    """A sentence; None where there is nothing to do but wait."""
    look: str | None
    """A command that shows more."""


def explain(seen: Seen, now: datetime) -> Explanation:
    """The chain of conditions, the last events, when the next try is, and what to do."""
    chain = Chain(body=seen.body)
    metadata, ready = seen.body["metadata"], chain.condition(ConditionType.READY)
    stands = progress(chain)
    steps = _unseen(seen) if chain.is_unseen else tuple(_steps(chain))
    is_ready = stands is Progress.READY
    found = Explanation(
        namespace=metadata["namespace"],
        name=metadata["name"],
        progress=stands,
        reason=str(Reason.PENDING) if chain.is_unseen else ready["reason"],
        since=_since(ready),
        steps=steps,
        cause=None if is_ready else _cause(steps),
        reports=tuple(reports(seen.events))[-MAX_REPORTS:],
        next_try=None if is_ready else _next_try(seen, chain, stands, now),
        to_do=None if is_ready else _to_do(chain, ready),
        look=None if is_ready else _look(seen, chain, ready),
    )
    is_at_work = not chain.is_unseen and ready["reason"] == Reason.OPTIMIZING
    held = held_job(seen) if is_at_work else None
    if held is None:
        return found
    return replace(found, next_try=NextTry(says=held.next), to_do=held.to_do, look=held.look)


def _unseen(seen: Seen) -> tuple[Step, ...]:
    generation = seen.body["metadata"].get("generation")
    told = f"The operator has not looked at generation {generation} of the spec yet."
    first, *rest = ("source", "optimization", "serving", "traffic", "scaling")
    return (
        Step(name=first, state=State.WAITS, reason=str(Reason.PENDING), message=told),
        *(Step(name=name, state=State.WAITS) for name in rest),
    )


def _steps(chain: Chain) -> Iterator[Step]:
    yield _source(chain)
    optimized = chain.condition(ConditionType.OPTIMIZED)
    if optimized["reason"] in _OF_THE_SOURCE:
        yield Step(name="optimization", state=State.WAITS)
    else:
        yield _step("optimization", optimized)
    available = chain.condition(ConditionType.AVAILABLE)
    yield _step("serving", available, waits=Reason.WAITING_FOR_ARTIFACT)
    verified = chain.condition(ConditionType.VERIFIED)
    is_serving = available["status"] == "True"
    yield _step("traffic", verified, waits=Reason.WAITING_FOR_ARTIFACT, may_start=is_serving)
    yield _scaling(chain)


def _source(chain: Chain) -> Step:
    source = chain.body["spec"]["model"]["source"]
    told = f"{source['uri']} ({short(source['digest'])})"
    optimized = chain.condition(ConditionType.OPTIMIZED)
    if optimized["reason"] in _OF_THE_SOURCE:
        return _step("source", optimized)
    is_read = optimized["reason"] in _AFTER_THE_SOURCE
    return Step(name="source", state=State.DONE if is_read else State.UNKNOWN, message=told)


def _step(
    name: str, condition: Mapping[str, Any], *, waits: Reason | None = None, may_start: bool = True
) -> Step:
    told = {"reason": condition["reason"], "message": condition["message"]}
    if condition["status"] == "True":
        return Step(name=name, state=State.DONE, **told)
    if condition["status"] == "False":
        is_stalled = condition["reason"] in USER_MUST_ACT
        return Step(name=name, state=State.STALLED if is_stalled else State.IN_TROUBLE, **told)
    if condition["reason"] == Reason.SUSPENDED:
        return Step(name=name, state=State.STALLED, **told)
    begins = condition["reason"] != waits and may_start
    return Step(name=name, state=State.UNDER_WAY if begins else State.WAITS, **told)


def _scaling(chain: Chain) -> Step:
    condition = chain.condition(ConditionType.OBJECTIVE_MET)
    if chain.body["spec"].get("scaling") is None:
        replicas = chain.body["spec"].get("replicas", 1)
        told = f"spec.replicas asks for {replicas}."
        return Step(name="scaling", state=State.OFF, reason=condition["reason"], message=told)
    told = str((chain.status.get("scaling") or {}).get("message", ""))
    state = {"True": State.DONE, "False": State.IN_TROUBLE}.get(condition["status"], State.WAITS)
    words = " ".join(dict.fromkeys(w for w in (condition["message"], told) if w))
    return Step(name="scaling", state=state, reason=condition["reason"], message=words)


def _cause(steps: Iterable[Step]) -> str | None:
    """The first that keeps the rest; what is not known is passed over for what is."""
    settled = {State.DONE, State.OFF, State.UNKNOWN}
    return next((step.name for step in steps if step.state not in settled), None)


def _since(ready: Mapping[str, Any]) -> datetime | None:
    text = ready.get("lastTransitionTime")
    return instant(text) if text else None


def _next_try(seen: Seen, chain: Chain, stands: Progress, now: datetime) -> NextTry:
    if chain.is_unseen:
        return NextTry(says="now: the operator looks at a new spec at once")
    reason = chain.condition(ConditionType.READY)["reason"]
    return next_try(seen, now, reason=reason, stalled=stands is Progress.STALLED)


def _to_do(chain: Chain, ready: Mapping[str, Any]) -> str | None:
    if chain.is_unseen:
        return "If this lasts, see whether the operator runs."
    return what_to_do(ready["reason"])


def _look(seen: Seen, chain: Chain, ready: Mapping[str, Any]) -> str | None:
    return "kubectl trifocal check" if chain.is_unseen else where_to_look(ready["reason"], seen)
