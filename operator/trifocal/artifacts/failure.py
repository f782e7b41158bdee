"""The two ways in which work on artifacts fails: refused for good, or interrupted for now.

Each carries a reason from the closed list and one sentence for the user. The kinds say what a
retry would change, so that whoever runs the work need not know why it failed.
"""

from trifocal.api.condition import Reason

MAX_SENTENCE = 1500
"""Characters of a sentence: it must fit, with the candidates, in a termination message."""


class WorkError(Exception):
    """Work that ended without its result; `str()` is the sentence for the user."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence if len(sentence) <= MAX_SENTENCE else sentence[:MAX_SENTENCE])
        self.reason = reason


class RefusedError(WorkError):
    """Retrying cannot help: the user must act."""


class InterruptedWorkError(WorkError):
    """May pass by itself: a server that is away, a connection that broke."""
