"""Who wrote what, counted from the API server's audit log. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from tests.support.audit import AuditedRequest
from trifocal.api.schema import PLURAL

OPERATOR, PROTOTYPE = "trifocal", "prototype"
"""Programs, as they call themselves in the User-Agent."""


@dataclass(frozen=True, kw_only=True)
class Writes:
    """Writes of one program, by what they are for."""

    children: int
    statuses: int
    """Of ModelDeployments."""
    events: int
    refused: int
    """Answered with an error; counted nowhere else."""

    @property
    def total(self) -> int:
        """All that the API server has carried out."""
        return self.children + self.statuses + self.events


def by_program(requests: Iterable[AuditedRequest]) -> Mapping[str, int]:
    """The number of writes of each program: the first word of its User-Agent."""
    return dict(sorted(Counter(program(each) for each in requests).items()))


def program(request: AuditedRequest) -> str:
    """kube-controller-manager for `kube-controller-manager/v1.36.3 (linux/amd64) ...`."""
    return request.user_agent.partition("/")[0]


def of(name: str, requests: Iterable[AuditedRequest]) -> Writes:
    """That program's."""
    kinds = Counter(_purpose(each) for each in requests if program(each) == name)
    return Writes(
        children=kinds["child"],
        statuses=kinds["status"],
        events=kinds["event"],
        refused=kinds["refused"],
    )


def _purpose(request: AuditedRequest) -> str:
    if request.code >= HTTPStatus.BAD_REQUEST:
        return "refused"
    if request.resource == "events":
        return "event"
    return "status" if request.resource == PLURAL else "child"
