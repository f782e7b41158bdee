"""What one pass sees: the children from the watch cache, and what only a request can tell."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain

import structlog
from pydantic import ValidationError

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.sources import sources
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.children import (
    container_statuses,
    has_condition,
    is_finished,
    is_headroom,
    is_owned,
    is_ready,
    name_of,
    request_of,
    uid_of,
)
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.queue import Key

RESULT_KEY = "result.json"
"""Key of a result ConfigMap."""

KEPT_RESULTS = 256
"""Parsed results that are kept, a few kB each: every pass reads all results of its object."""

MAX_SUBJECTS = 4
"""Objects whose events are read in one pass. Pods of one revision fail alike, and each read makes
the API server scan the namespace's events."""

FIRST_AGE = timedelta(seconds=5)
"""Answers are asked for again after this time, however often a pass runs..."""
LONGEST_AGE = timedelta(seconds=60)
"""...doubled up to this one while they stay the same: 200 pods that wait for a GPU all day would
otherwise use up the rate of requests that everything else needs."""

_log = structlog.get_logger(__name__)


def children(cache: Cache, md: ModelDeployment) -> Observed:
    """Everything that belongs to the object, found by owner uid, and the results among it. No I/O.

    Pods and ReplicaSets are found through their Job or Deployment; those of placeholders are not
    looked at, for a placeholder that waits is no trouble.
    """
    uid = md.metadata.uid
    jobs = cache.owned_by(uid, "Job")
    all_of_them = cache.owned_by(uid, "Deployment")
    deployments = tuple(each for each in all_of_them if not is_headroom(each))
    replica_sets = _owned_by_each(cache, deployments, "ReplicaSet")
    pods = _owned_by_each(cache, (*jobs, *replica_sets), "Pod")
    config_maps = cache.owned_by(uid, "ConfigMap")
    return Observed(
        jobs=jobs,
        config_maps=config_maps,
        deployments=deployments,
        headroom=tuple(each for each in all_of_them if is_headroom(each)),
        replica_sets=replica_sets,
        pods=pods,
        services=cache.owned_by(uid, "Service"),
        pod_disruption_budgets=cache.owned_by(uid, "PodDisruptionBudget"),
        network_policies=cache.owned_by(uid, "NetworkPolicy"),
        results=dict(_results(jobs, pods, config_maps)),
    )


def _owned_by_each(cache: Cache, owners: Iterable[Manifest], kind: str) -> tuple[Manifest, ...]:
    return tuple(chain.from_iterable(cache.owned_by(uid_of(owner), kind) for owner in owners))


def _results(
    jobs: Iterable[Manifest], pods: tuple[Manifest, ...], config_maps: Iterable[Manifest]
) -> Iterator[tuple[str, OptimizationResult]]:
    """Results by request digest; a kept result comes last and so wins over a pod's message."""
    for job in jobs:
        # The last attempt's words come last and so win.
        for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"])):
            if is_owned(pod, uid_of(job)):
                for text in _termination_messages(pod):
                    yield from _result(text, request_of(job), name_of(pod))
    for config_map in config_maps:
        if kept := (config_map.get("data") or {}).get(RESULT_KEY):
            yield from _result(kept, request_of(config_map), name_of(config_map))


def _termination_messages(pod: Manifest) -> Iterator[str]:
    for status in container_statuses(pod):
        if message := (status.get("state", {}).get("terminated") or {}).get("message"):
            yield message


@lru_cache(maxsize=KEPT_RESULTS)
def _parsed(text: str) -> OptimizationResult:
    return OptimizationResult.model_validate_json(text)


def _result(
    text: str, request: str | None, source: str
) -> Iterator[tuple[str, OptimizationResult]]:
    """The result, if it is one and answers the request that its carrier was made for."""
    try:
        result = _parsed(text)
    except ValidationError as error:
        # A container that was killed or never started ends with the kubelet's words instead.
        _log.debug("no result in the message", source=source, error=str(error))
        return
    if result.request == request:
        yield result.request, result
    else:
        _log.warning("result of another request", source=source, request=result.request)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What only a request can tell: why something waits."""

    at: datetime
    age: timedelta
    """For how long they are good."""
    about: frozenset[str]
    """uids of what waited."""
    events: tuple[Manifest, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()

    def still_hold(self, about: frozenset[str], now: datetime) -> bool:
        """Whether they answer the present question."""
        return about == self.about and now - self.at < self.age

    def say_the_same(self, other: "Words") -> bool:
        """Whether asking has brought nothing new."""
        mine, theirs = ((w.about, w.events, w.missing) for w in (self, other))
        return mine == theirs


class Inquiry:
    """Asks why things wait, and only then.

    Before anything is started, it looks for what the spec names and does not exist; afterwards it
    reads the events of pods and Jobs that wait (kubelet and scheduler name what is missing).

    Events are read on demand and not watched: a watch would stream every Warning of the cluster
    to answer a question about a few pods. Most answers are in the pods' own status; events add
    failed mounts and pods that could not be created.
    """

    def __init__(self, kube: Kube, now: Callable[[], datetime]) -> None:
        self._kube = kube
        self._now = now
        self._words: dict[Key, Words] = {}

    async def ask(self, md: ModelDeployment, observed: Observed) -> Observed:
        """The observation with events and missing references, if anything waits."""
        if not is_waiting(observed):
            self.forget(md.key)
            return observed
        words = self._words.get(md.key)
        about = frozenset(uid_of(subject) for subject in subjects(observed))
        if words is None or not words.still_hold(about, self._now()):
            words = _aged(await self._read(md, observed, about), words)
            self._words[md.key] = words
        return replace(observed, events=words.events, missing_references=words.missing)

    def forget(self, key: Key) -> None:
        """The object needs no explanation any more."""
        self._words.pop(key, None)

    async def _read(self, md: ModelDeployment, observed: Observed, about: frozenset[str]) -> Words:
        events: list[Manifest] = []
        for subject in subjects(observed)[:MAX_SUBJECTS]:
            events += await self._kube.list(
                "Event",
                md.metadata.namespace,
                field_selector=f"involvedObject.uid={uid_of(subject)},type=Warning",
            )
        missing = [
            (kind, name)
            for kind, name in (() if about else references(md))
            if await self._kube.get(kind, md.metadata.namespace, name) is None
        ]
        return Words(
            at=self._now(),
            age=FIRST_AGE,
            about=about,
            events=tuple(sorted(events, key=_when)),
            missing=tuple(missing),
        )


def _aged(words: Words, before: Words | None) -> Words:
    if before is None or not words.say_the_same(before):
        return words
    return replace(words, age=min(before.age * 2, LONGEST_AGE))


def is_waiting(observed: Observed) -> bool:
    """Whether something should run and does not, or nothing has been started yet."""
    started = observed.jobs or observed.deployments or observed.results
    return not started or bool(subjects(observed))


def subjects(observed: Observed) -> tuple[Manifest, ...]:
    """What waits: pods that should be ready and are not, and Jobs that have no pod."""
    pods = (p for p in observed.pods if not is_ready(p) and not is_finished(p))
    jobs = (
        job
        for job in observed.jobs
        if not has_condition(job, "Complete")
        and not has_condition(job, "Failed")
        and not any(is_owned(pod, uid_of(job)) for pod in observed.pods)
    )
    return (*pods, *jobs)


def references(md: ModelDeployment) -> tuple[tuple[str, str], ...]:
    """(kind, name) of the claims and the ServiceAccount that the spec names, each once.

    Secrets are left out: the operator has no right to read them. The kubelet names a missing one.
    """
    places = (*sources(md.spec).values(), md.spec.artifacts)
    claims = (place.claim_name for place in places)
    found = [("PersistentVolumeClaim", claim) for claim in claims if claim is not None]
    return tuple(dict.fromkeys([*found, ("ServiceAccount", md.spec.service_account_name)]))


def _when(event: Manifest) -> str:
    """When an event was last seen; RFC 3339 in UTC sorts as text."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"]["creationTimestamp"]
    )
