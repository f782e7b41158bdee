"""Which scrapes of metrics are lost in a simulation: all for a while, or some by chance. Pure."""

import struct
from dataclasses import dataclass
from hashlib import blake2b

_MOST = 2.0**64


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What no policy gets to see. Times in seconds from the start of the trace."""

    windows: tuple[tuple[float, float], ...] = ()
    """[since, until), in which every scrape fails: the metrics server is down, or a network."""
    share: float = 0.0
    """Of the single scrapes of one pod, by chance, from 0 to below 1."""
    seed: int = 0

    def __bool__(self) -> bool:
        """Whether anything may be lost."""
        return bool(self.windows or self.share)

    def everything(self, at: float) -> bool:
        """Whether every scrape fails at this time."""
        return any(since <= at < until for since, until in self.windows)

    def scrape(self, target: int, at: float) -> bool:
        """Whether the scrape of a target (a pod, by its number) at a time fails.

        By chance, but always the same answer to the same question: whoever looks back a minute
        sees a scrape four times.
        """
        if self.everything(at):
            return True
        if not self.share:
            return False
        drawn = blake2b(struct.pack("<qqd", self.seed, target, at), digest_size=8).digest()
        return int.from_bytes(drawn, "little") < self.share * _MOST

    def known_until(self, now: float) -> float:
        """When the last window that has not ended began; now, if everything is read."""
        return min((since for since, until in self.windows if since <= now < until), default=now)


NOTHING = Lost()
