"""What waits in front of a model by its wake-up query: a number, or why there is none. Pure."""

import math
from dataclasses import dataclass

from trifocal.autoscaling.prometheus.answer import Answer


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the query gave."""

    amount: float
    threshold: float
    fresh: bool = True
    """Asked just now. Otherwise it is the last answer, a moment old, for there was none now."""

    @property
    def waits(self) -> bool:
        """Whether somebody wants an answer."""
        return self.amount > self.threshold


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The query gave nothing that can be understood. It is a value: whoever gets it holds."""

    message: str
    """Why, in a sentence with the next step."""


@dataclass(frozen=True, kw_only=True)
class NotAllowed:
    """The operator asks no queries of users, so none of them wakes anything."""

    message: str
    """Who could change that, and how."""


WakeUpSignal = Work | Unknown | NotAllowed


def read_work(answer: Answer, threshold: float) -> Work | Unknown:
    """The one number of an answer.

    No series is no value: a counter that its exporter has not made yet, or that a restart took
    away, would otherwise let pods go. An answer that may lack parts can say that work waits, but
    not that none does.
    """
    amounts = [point.value for series in answer.series for point in series.points]
    if not amounts:
        return Unknown(
            message="The wake-up query gives no series, which is unknown and not zero. Where it "
            "means that nothing waits, let the query end with `or vector(0)`."
        )
    if len(amounts) > 1:
        return Unknown(
            message=f"The wake-up query gives {len(amounts)} values and must give one; add them "
            "up with sum()."
        )
    work = Work(amount=amounts[0], threshold=threshold)
    if math.isnan(work.amount):
        return Unknown(
            message="The wake-up query gives NaN, as a division of zero by zero does; let it "
            "count requests."
        )
    if answer.warnings and not work.waits:
        return Unknown(
            message=f"The wake-up query gives {work.amount:g}, but parts of the data may be "
            f"missing: {answer.warnings[0]}."
        )
    return work
