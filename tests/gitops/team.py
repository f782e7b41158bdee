"""A team that keeps its ModelDeployment in git, and the story of what came of each commit."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import yaml

from hack.cluster.polling import becomes_true
from tests.faults.client import KINDS
from tests.faults.controllers import Controllers
from tests.gitops.delivery import NAME, Delivery
from tests.support.git_server import Repository
from tests.support.manifests import changed, minimal
from tests.support.tenant import Tenant

DEADLINE_SECONDS = 90.0
"""For what takes ten on an idle machine; Flux looks at what it waits for every five."""
MODEL = f"{NAME}/digits.yaml"

Manifest = dict[str, Any]


@dataclass
class Team:
    """One repository, one namespace, and what is between them."""

    repository: Repository
    tenant: Tenant
    cluster: Controllers
    delivery: Delivery
    story: list[str] = field(default_factory=list)
    """Each change that `until` saw, with the seconds since the first."""
    _began: float = field(default_factory=time.monotonic)

    # In git

    def commit(self, message: str, **fields: Any) -> None:
        """Commit the model's manifest with these fields, such as `model__source__digest=...`."""
        manifest = minimal()
        del manifest["metadata"]["namespace"]
        for path, value in fields.items():
            manifest = changed(manifest, "spec." + path.replace("__", "."), value)
        self.push({MODEL: yaml.safe_dump(manifest, sort_keys=False)}, message)

    def push(self, files: dict[str, str | None], message: str) -> None:
        """Commit any files, and tell."""
        self.repository.commit(files, message)
        self.tell("git", message)

    def revert(self) -> None:
        """Undo the last commit by another."""
        self.repository.revert()
        self.tell("git", "git revert HEAD")

    def deliver(self) -> None:
        """Have Flux fetch what was committed; it applies that at once."""
        self.delivery.fetch(self.repository.head)

    # In the cluster

    def model(self) -> Manifest:
        """The ModelDeployment; empty where there is none."""
        path = KINDS["ModelDeployment"].path(self.tenant.namespace, "digits")
        status, answer = self.tenant.plane.request("GET", path)
        return answer if status == HTTPStatus.OK else {}

    def condition(self, kind: str) -> Manifest:
        """A condition of the ModelDeployment; empty where there is none."""
        found = self.model().get("status", {}).get("conditions", ())
        return next((c for c in found if c["type"] == kind), {})

    def serving(self) -> str:
        """The revision that the Service selects."""
        return str(self.model().get("status", {}).get("revision", {}).get("serving", ""))

    def jobs_made(self) -> list[str]:
        """Names of the optimization Jobs that were ever created here, one for each time."""
        return [
            each.name
            for each in self.tenant.plane.audit.requests()
            if (each.resource, each.namespace) == ("jobs", self.tenant.namespace)
            and each.code == HTTPStatus.CREATED
        ]

    # Waiting

    def is_delivered(self) -> bool:
        """Whether the Kustomization is Ready with the newest commit."""
        return self.delivery.is_ready(self.repository.head)

    def has_failed(self) -> bool:
        """Whether the Kustomization has given the newest commit up."""
        return self.delivery.has_failed(self.repository.head)

    def until(self, holds: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> bool:
        """Whether something becomes true in time; what changes meanwhile is told."""

        def look() -> bool:
            found = holds()
            self.look()
            return found

        return becomes_true(look, seconds)

    def look(self) -> None:
        """Tell what has changed."""
        model, flux = self.condition("Ready"), self.delivery.condition()
        self.tell("ModelDeployment", _words(model))
        self.tell("Kustomization", _words(flux))

    def tell(self, who: str, what: str) -> None:
        """A line of the story, unless it says what the last one of the same did."""
        mine = [line for line in self.story if f" {who} " in line]
        if what and not (mine and mine[-1].endswith(what)):
            self.story.append(f"{time.monotonic() - self._began:6.1f} s  {who:<15} {what}")


def _words(condition: Manifest) -> str:
    if not condition:
        return ""
    return f"Ready={condition['status']} {condition['reason']}: {condition['message']}"
