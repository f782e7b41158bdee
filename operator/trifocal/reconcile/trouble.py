"""Trouble: why a step cannot go on, as a reason and a sentence. A value that policies exchange."""

from dataclasses import dataclass

from trifocal.api.condition import Reason


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What a condition will say."""

    reason: Reason
    message: str


def sentence(text: str) -> str:
    """The words of a scheduler or kubelet on one line, ended like a sentence."""
    line = " ".join(text.split())
    return line if not line or line[-1] in ".!?" else f"{line}."


def join(*sentences: str) -> str:
    """Sentences one after another; empty ones are left out."""
    return " ".join(s for s in sentences if s)
