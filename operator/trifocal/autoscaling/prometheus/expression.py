"""The PromQL that gives what pods have counted, as they said it and when. Pure.

One expression for all families, since Prometheus evaluates one against one state: whole scrapes
or none of them. Two queries could see a pod's counters before and after a scrape.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from trifocal.triton import exposition
from trifocal.triton.exposition import PREFIX

COUNTED = tuple(PREFIX + name for name in exposition.COUNTED)
SUCCESS = COUNTED[0]
FAILURE = PREFIX + exposition.FAILURE
BUCKET = PREFIX + exposition.BUCKET
HISTOGRAM_SUM = PREFIX + exposition.HISTOGRAM_SUM
SUMMARY = PREFIX + exposition.QUANTILE
_SUMMED = "|".join((*COUNTED, FAILURE, BUCKET, HISTOGRAM_SUM))


@dataclass(frozen=True, kw_only=True)
class PodLabels:
    """Labels that say whose a series is; by default those that Prometheus Operator gives."""

    namespace: str = "namespace"
    pod: str = "pod"


def counted_by(namespaces: Iterable[str], labels: PodLabels) -> str:
    """An expression for everything that the pods of some namespaces have counted.

    Its series have the family's name and the pod's labels, and `model`, `reason`, `le` or
    `quantile` where the family has them. A series of the pod's labels alone is the time of its
    newest sample, in seconds since 1970.

    Where two monitors or two Prometheus have scraped a pod, the larger of each counter is taken,
    which is the later one, before a model's series are added up. Their other labels are unknown,
    so it is Triton's own that keep its series apart.
    """
    where = f'{labels.namespace}=~"{"|".join(sorted(namespaces))}"'
    whose = f"{labels.namespace}, {labels.pod}"
    model = f"__name__, {whose}, model"
    return (
        f"sum by ({model}, reason, le) ("
        f"max by ({model}, version, gpu_uuid, reason, le) "
        f'({{__name__=~"{_SUMMED}", {where}}}))'
        f" or max by ({model}, quantile) ({SUMMARY}{{{where}}})"
        f" or max by ({whose}) (timestamp({SUCCESS}{{{where}}}))"
    )
