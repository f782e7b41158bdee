"""kopf's settings and registry: what this project measured as needed."""

import itertools
from typing import Any

import kopf

from trifocal.handlers.watches import Backoffs, registry, settings
from trifocal.kube.kinds import MANAGED_SELECTOR, WATCHED


def test_kopf_keeps_nothing_and_scans_nothing() -> None:
    chosen = settings()
    assert chosen.peering.standalone
    assert chosen.scanning.disabled
    assert not chosen.posting.enabled


def test_waits_between_attempts_never_end_and_start_anew_for_each_request() -> None:
    waits = Backoffs()
    first = list(itertools.islice(waits, 100))
    assert first == list(itertools.islice(waits, 100))
    assert first[:4] == [1, 1, 2, 3]
    assert first[-1] == max(first) == 5


def test_children_are_selected_by_the_server() -> None:
    chosen = settings()
    for kind in WATCHED[1:]:
        key = (kind.group, kind.version, kind.plural)
        assert chosen.watching.label_selectors[key] == MANAGED_SELECTOR


async def test_every_watched_kind_has_one_handler_and_it_answers_nothing() -> None:
    received: list[tuple[str, str | None]] = []

    async def login(**_: Any) -> kopf.AiohttpSession:
        raise AssertionError

    made = registry(lambda kind, event, _: received.append((kind, event)), login)
    handlers = list(made._watching.get_all_handlers())
    for handler in handlers:
        fn: Any = handler.fn
        assert await fn(event={"type": "ADDED", "object": {}}) is None
    assert received == [(kind.name, "ADDED") for kind in WATCHED]


def test_nothing_of_an_object_is_remembered_or_compared() -> None:
    storage = settings().persistence.diffbase_storage
    body = kopf.Body({"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {"replicas": 1}})
    patch = kopf.Patch()
    assert storage.build(body=body) == {}
    storage.store(body=body, patch=patch, essence=kopf.BodyEssence())
    assert storage.fetch(body=body) is None
    assert patch == {}
