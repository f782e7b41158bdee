"""Text for the pages: words of several languages in Latin script, and sentences made of them."""

import random
from pathlib import Path

LONG_SENTENCE = 7
"""Words from which on a sentence has a comma."""


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    named = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: tuple(words.split()) for name, _, words in named}


WORDS = _read(Path(__file__).with_name("words.txt"))
"""Words by language."""


def chance(rng: random.Random, share: float) -> bool:
    """True in `share` of the cases, from 0 to 1."""
    return rng.random() < share


def phrase(rng: random.Random, language: str, count: int) -> str:
    """`count` words, the first with a capital."""
    words = [rng.choice(WORDS[language]) for _ in range(count)]
    words[0] = words[0][0].upper() + words[0][1:]
    return " ".join(words)


def sentences(rng: random.Random, language: str, count: int) -> list[str]:
    """About `count` words in sentences with punctuation and now and then a number."""
    words: list[str] = []
    while len(words) < count:
        sentence = phrase(rng, language, rng.randint(4, 11)).split()
        if chance(rng, 0.25):
            sentence.insert(rng.randrange(1, len(sentence)), str(rng.randint(2, 1999)))
        if len(sentence) >= LONG_SENTENCE:
            sentence[3] += ","
        sentence[-1] += rng.choice((".", ".", ".", "?", "!"))
        words += sentence
    return words
