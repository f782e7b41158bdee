"""The files of a support bundle, redacted, and the archive that holds them. Pure."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from trifocal import __version__
from trifocal.cli.report.redaction import redacted, scrubbed
from trifocal.cli.seen import Seen
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import container_statuses, name_of
from trifocal.reconcile.observed import Observed

_README = """\
What was seen of {kind} {name} in namespace {namespace} at {now}, by trifocal {version}.

object.yaml    the ModelDeployment with its status
children/      what belongs to it, one file each
events.yaml    what was reported about it and about what waits
explain.txt    what `trifocal explain` said
logs/          the last lines of each container, and of the one before it that ended
operator.yaml  the operator's Deployment, where you may read it

Taken out: values of environment variables, headers of probes, arguments of containers that are not
Trifocal's, labels and annotations of others, credentials and queries in URLs, and what stands
behind words such as password or token. Secrets were not read. A program may log a secret in a form
that nobody can foresee: read logs/ before you send this.
"""


@dataclass(frozen=True, kw_only=True)
class LogOf:
    """Which container's log."""

    pod: Manifest
    container: str
    previous: bool = False

    @property
    def file(self) -> str:
        """Its name in the bundle."""
        before = ".previous" if self.previous else ""
        return f"logs/{name_of(self.pod)}.{self.container}{before}.log"


def logs_of(observed: Observed) -> Iterator[LogOf]:
    """Every container that has started, and the run before where it was started again."""
    for pod in observed.pods:
        for status in container_statuses(pod):
            if "waiting" not in status.get("state", {}):
                yield LogOf(pod=pod, container=status["name"])
            if status.get("restartCount", 0) > 0:
                yield LogOf(pod=pod, container=status["name"], previous=True)


def files(
    seen: Seen,
    *,
    explanation: str,
    logs: Mapping[str, str],
    operators: tuple[Manifest, ...],
    now: datetime,
) -> dict[str, str]:
    """Contents by name, everything redacted."""
    metadata = seen.body["metadata"]
    readme = _README.format(
        kind="ModelDeployment",
        name=metadata["name"],
        namespace=metadata["namespace"],
        now=now.isoformat(timespec="seconds"),
        version=__version__,
    )
    objects = dict(_objects(seen, operators))
    return {
        "README.txt": readme,
        "explain.txt": scrubbed(explanation),
        **{name: _yaml(redacted(value)) for name, value in objects.items()},
        **{name: scrubbed(text) for name, text in logs.items() if text},
    }


def _objects(seen: Seen, operators: tuple[Manifest, ...]) -> Iterator[tuple[str, Any]]:
    yield "object.yaml", seen.body
    yield "events.yaml", list(seen.events)
    if operators:
        yield "operator.yaml", list(operators)
    observed = seen.observed
    of_controllers = (*observed.replica_sets, *observed.pods)
    for child in (*(child for _, child in observed.applied()), *of_controllers):
        yield f"children/{child['kind'].lower()}-{name_of(child)}.yaml", child


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def archive(contents: Mapping[str, str], folder: str, now: datetime) -> bytes:
    """A .tar.gz of one folder; the same contents give the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=int(now.timestamp())) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, text in sorted(contents.items()):
            data = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(now.timestamp()), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
