"""kopf's restarts: soon at first, never more than 8 s apart."""

import itertools

from trifocal.handlers.watcher import restarts


def test_waits_between_starts_double_and_then_stay() -> None:
    assert list(itertools.islice(restarts(), 6)) == [1, 2, 4, 8, 8, 8]
